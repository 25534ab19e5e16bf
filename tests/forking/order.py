"""An order for a process, and how the process comes to be what was ordered."""

import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NoReturn


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
        # In a suite that runs in the background it is ignored, and that would be inherited.
        signal.signal(signal.SIGINT, signal.default_int_handler)
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
