"""Forks processes that have a program imported already, for all processes that run tests.

`python -m tests.fork_server PROGRAM` listens on the socket that is its standard input. Each connection that
sends an `Order` becomes a process; it is told the process's number and, in the end, its exit status. A
process ends with its connection, and the server with the last one: whoever uses it keeps one open.
"""

import fcntl
import functools
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

from tests import forked

HOUSE = Path(__file__).parents[1]
COMMAND_LINE: Final = "bot.cli"
MCP_SERVER: Final = "tests.mcp_server"
SIMULATORS: Final = "tests.simulators"
WORKER: Final = "tests.worker"
PRELOADED = (
    "adapters.discord",
    "adapters.slack",
    "adapters.terminal",
    "alembic.command",
    "alembic.config",
    "anthropic.resources.messages",
    "anyio.streams.tls",
    "bot.app",
    "bot.claude.exchange",
    "bot.claude.transport",
    "bot.cli.batch",
    "bot.cli.chat",
    "bot.cli.report",
    "bot.cli.run",
    "bot.cli.sandbox",
    "bot.cli.sandbox_bot",
    "bot.cli.talking",
    "encodings.utf_8_sig",
    "httpcore2",
    "httpcore2._async.http_proxy",
    "importlib.readers",
    "plugins.catchup",
    "plugins.core",
    "plugins.extract",
    "plugins.guard",
    "plugins.mcp",
    "plugins.mcp.offers",
    "plugins.money",
    "plugins.remind",
    "pwd",
    "rich._emoji_codes",
    "rich.markdown",
    "sandbox.claude",
    "sandbox.page",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "storage.migrations",
    "storage.migrations.alembic_bridge",
    "storage.postgres",
    "truststore",
)
"""What processes of the command line import, sooner or later."""

PROGRAMS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        COMMAND_LINE: PRELOADED,
        MCP_SERVER: ("mcp.server.stdio", "uvicorn"),
        SIMULATORS: (),
        WORKER: (
            *PRELOADED,
            "bot.doctor",
            "hypothesis.strategies",
            "matplotlib.figure",
            "opentelemetry.exporter.otlp.proto.http.trace_exporter",
            "playwright.async_api",
            "properdocs.config",
            "sandbox.discord",
            "sandbox.slack",
            "xdist.remote",
        ),
    }
)
"""Modules whose `main` is a program, and what it imports beside them."""

MOST_WAITING = 64
SHORT = Path("/tmp")  # noqa: S108 - the folder in it is for its user alone
LONGEST_ADDRESS = 103
"""In bytes: what a socket's address may take on macOS, the smallest of all (`sun_path` in `man 4 unix`)."""
ORDER_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a process is to be."""

    arguments: Sequence[str]
    directory: str
    environ: Mapping[str, str]
    streams: Sequence[str | int] = ()
    """The files that it reads from, and writes to, and complains to; or their descriptors, which come with
    the order."""
    terminal: str | None = None
    """In their place, a terminal of its own."""

    def to_line(self) -> bytes:
        """As it is sent."""
        return json.dumps(asdict(self)).encode() + b"\n"

    def act(self, main: Callable[[], object], command: Sequence[str]) -> NoReturn:
        """Be that process, to its end; `command` starts another such one.

        It leaves without taking apart what it was forked with, as that would be copied for it first.
        """
        os.chdir(self.directory)
        os.environ.clear()
        os.environ.update(self.environ)
        self._connect_streams()
        signal.signal(
            signal.SIGINT, signal.default_int_handler
        )  # the suite may be in the background
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        sys.argv = ["forked", *self.arguments]
        sys.orig_argv = [*command, *self.arguments]
        warnings.simplefilter("error")
        status = 1
        try:
            main()
            status = 0
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            else:
                status = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    def _connect_streams(self) -> None:
        if self.terminal is not None:
            os.login_tty(os.open(self.terminal, os.O_RDWR))
            return
        for descriptor, stream in enumerate(self.streams):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_APPEND
            opened = os.open(stream, flags) if isinstance(stream, str) else stream
            os.dup2(opened, descriptor)
            os.close(opened)


class ForkServer:
    """The one process that all others are forked from."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._ready = selectors.DefaultSelector()
        self._open: set[socket.socket] = set()
        self._processes: dict[int, socket.socket] = {}

    def serve(self) -> Order | None:
        """Serve until nobody needs it any more. In every process that is forked it returns what that is
        to be."""
        ended, ends = socket.socketpair()
        for each in (ended, ends):
            each.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ends.fileno(), warn_on_full_buffer=False)
        for each in (self._listening, ended):
            self._ready.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in self._ready.select():
                which = key.fileobj
                assert isinstance(which, socket.socket)
                if which is self._listening:
                    self._accept()
                elif which is ended:
                    ended.recv(4096)
                    self._tell_of_ends()
                elif (order := self._hear(which)) is not None:
                    ended.close()
                    ends.close()
                    return order
            if not self._open and self._is_unneeded():
                return None

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        self._open.add(connection)
        self._ready.register(connection, selectors.EVENT_READ)

    def _hear(self, connection: socket.socket) -> Order | None:
        """Fork what is ordered, and return the order in the new process alone; or clean up after one who
        has gone."""
        line, streams = _received(connection)
        if not line:
            self._forget(connection)
            return None
        process = os.fork()
        if process:
            for stream in streams:
                os.close(stream)
            self._processes[process] = connection
            _tell(connection, process)
            return None
        self._become_another()
        order = Order(**json.loads(line))
        return replace(order, streams=streams) if streams else order

    def _forget(self, connection: socket.socket) -> None:
        for process, whose in self._processes.items():
            if whose is connection:
                os.kill(process, signal.SIGKILL)
        self._ready.unregister(connection)
        self._open.discard(connection)
        connection.close()

    def _tell_of_ends(self) -> None:
        while self._processes:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            _tell(self._processes.pop(process), os.waitstatus_to_exitcode(status))

    def _become_another(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._ready.close()
        for each in (self._listening, *self._open):
            each.close()

    def _is_unneeded(self) -> bool:
        """Nobody is there, and nobody can come any more."""
        address = Path(self._listening.getsockname())
        with _alone(address):
            self._listening.setblocking(False)
            try:
                self._accept()
            except BlockingIOError:
                address.unlink()
                return True
            finally:
                self._listening.setblocking(True)
        return False


def _received(connection: socket.socket) -> tuple[bytes, list[int]]:
    """A line, and the descriptors that came with it; nothing if whoever connected has gone."""
    try:
        line, descriptors, _, _ = socket.recv_fds(connection, ORDER_BYTES, 3)
        while line and not line.endswith(b"\n"):
            line += connection.recv(ORDER_BYTES)
    except ConnectionError:
        return b"", []
    return line, descriptors


def _tell(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # whoever asked may have gone
        connection.sendall(f"{number}\n".encode())


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
    with _alone(address):
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
            [sys.executable, "-m", "tests.fork_server", program],
            cwd=HOUSE,
            stdin=listening.fileno(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )


@contextmanager
def _alone(address: Path) -> Iterator[None]:
    """Of all processes, only this one starts or ends a server at the moment."""
    folder = os.open(address.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def serve(program: str) -> None:
    """Import everything, and serve. Whoever starts it need not wait for its end, nor clean up after it."""
    if os.fork():
        os._exit(0)
    gc.disable()
    listening = socket.socket(fileno=os.dup(0))
    for module in PROGRAMS[program]:
        import_module(module)
    main = import_module(program).main
    command = forked.command(listening.getsockname())
    gc.freeze()
    gc.enable()
    order = ForkServer(listening).serve()
    if order is not None:
        order.act(main, command)


if __name__ == "__main__":
    serve(sys.argv[1])
