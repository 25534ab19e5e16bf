"""Forks processes that have a program imported already, for all processes that run tests.

`python -m tests.forking.server PROGRAM` listens on the socket that is its standard input. Each connection
that sends an `Order` becomes a process; it is told the process's number and, in the end, its exit status. A
process ends with its connection, and the server with the last one: whoever uses it keeps one open.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from tests.forking import stand_in
from tests.forking.address import alone
from tests.forking.order import Order
from tests.forking.programs import PROGRAMS

ORDER_BYTES = 65536


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
        with alone(address):
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
    """A line, and the descriptors that came with it; nothing if whoever connected has gone, even in the
    middle of a line."""
    descriptors: list[int] = []
    try:
        line, descriptors, _, _ = socket.recv_fds(connection, ORDER_BYTES, 3)
        while line and not line.endswith(b"\n"):
            more = connection.recv(ORDER_BYTES)
            line = line + more if more else b""
    except ConnectionError:
        line = b""
    if line:
        return line, descriptors
    for each in descriptors:
        os.close(each)
    return b"", []


def _tell(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # whoever asked may have gone
        connection.sendall(f"{number}\n".encode())


def serve(program: str) -> None:
    """Import everything, and serve. Whoever starts it need not wait for its end, nor clean up after it."""
    if os.fork():
        os._exit(0)
    gc.disable()
    listening = socket.socket(fileno=os.dup(0))
    for module in PROGRAMS[program]:
        import_module(module)
    main = import_module(program).main
    command = stand_in.command(listening.getsockname())
    gc.freeze()
    gc.enable()
    order = ForkServer(listening).serve()
    if order is not None:
        order.act(main, command)


if __name__ == "__main__":
    serve(sys.argv[1])
