"""Where a program's fork server listens. Whoever asks first starts it."""

import fcntl
import functools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOUSE = Path(__file__).parents[2]
MOST_WAITING = 64
SHORT = Path("/tmp")  # noqa: S108 - the folder in it is for its user alone
LONGEST_ADDRESS = 103
"""In bytes: what a socket's address may take on macOS, the smallest of all (`sun_path` in `man 4 unix`)."""


@functools.cache
def fork_server(program: str) -> Path:
    """The address of a program's server; it is started unless another process of this run has done so, and
    stays as long as this process."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    address = address_of(program, run=run, temporary=Path(tempfile.gettempdir()))
    address.parent.mkdir(mode=0o700, exist_ok=True)
    _keep_open(address, program)
    return address


def address_of(program: str, *, run: str, temporary: Path) -> Path:
    """Where a program's server is in that run; in `/tmp` where the folder for temporary files has too long
    a name for it."""
    name = Path(f"parley-forks-{os.getuid()}", f"{run[:12]}.{program.rpartition('.')[2]}")
    address = temporary / name
    return address if len(os.fsencode(address)) <= LONGEST_ADDRESS else SHORT / name


@functools.cache
def _keep_open(address: Path, program: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    with alone(address):
        try:
            connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            address.unlink(missing_ok=True)
            _start(address, program)
            connection.connect(str(address))
    return connection


def _start(address: Path, program: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(MOST_WAITING)
        subprocess.run(
            [sys.executable, "-m", "tests.forking.server", program],
            cwd=HOUSE,
            stdin=listening.fileno(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )


@contextmanager
def alone(address: Path) -> Iterator[None]:
    """Of all processes, only this one starts or ends a server at the moment."""
    folder = os.open(address.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
