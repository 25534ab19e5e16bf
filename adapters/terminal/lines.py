"""Where the person's lines come from, without ever holding up the end of the process."""

import asyncio
import contextlib
import os
import queue
import select
import threading
from collections.abc import Callable
from typing import Final, Protocol

MAX_LINE_BYTES: Final = 1024 * 1024
"""A piped line longer than this is taken in pieces."""

_CHUNK_BYTES: Final = 65_536
QUIT: Final = "/quit"

ReadLine = Callable[[], str | None]
"""Blocks until there is a line; None at the end."""


class Lines(Protocol):
    """A source of lines."""

    async def next(self) -> str | None:
        """The next line without its end; None when no more will come."""


class ThreadedLines:
    """Lines read by a blocking function in a daemon thread of its own.

    It reads only when it is asked. A wait that is cancelled loses no line: the next one gets it.
    """

    def __init__(self, read: ReadLine) -> None:
        self._read = read
        self._wanted: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._awaited: asyncio.Future[str | None] | None = None
        self._ended = False

    async def next(self) -> str | None:
        """The next line; None when no more will come."""
        if self._ended:
            return None
        if self._awaited is None:
            self._awaited = asyncio.get_running_loop().create_future()
            self._ask()
        line = await asyncio.shield(self._awaited)
        self._awaited, self._ended = None, line is None
        return line

    def _ask(self) -> None:
        if self._thread is None:
            work = (asyncio.get_running_loop(),)
            self._thread = threading.Thread(
                target=self._work, args=work, name="terminal lines", daemon=True
            )
            self._thread.start()
        self._wanted.put(None)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        line: str | None = ""
        while line is not None:
            self._wanted.get()
            try:
                line = self._read()
            except OSError:  # the terminal has gone
                line = None
            try:
                loop.call_soon_threadsafe(self._deliver, line)
            except RuntimeError:  # the loop has ended meanwhile, and nobody wants it
                return

    def _deliver(self, line: str | None) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(line)


class PipedLines:
    """Reads lines from a pipe, file or socket, past Python's buffers: those are locked while they
    block, and the interpreter could not end."""

    def __init__(self, *, descriptor: int, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._descriptor = descriptor
        self._max_line_bytes = max_line_bytes
        self._buffer = b""
        self._at_end = False

    def __call__(self) -> str | None:
        """The next line."""
        while not self._at_end and not self._holds_a_line():
            chunk = self._chunk()
            self._at_end = not chunk
            self._buffer += chunk
        if not self._buffer:
            return None
        end = self._buffer.find(b"\n", 0, self._max_line_bytes)
        if end < 0:
            end = self._piece()
            line, self._buffer = self._buffer[:end], self._buffer[end:]
        else:
            line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line.decode("utf-8", "replace").removesuffix("\r")

    def _holds_a_line(self) -> bool:
        return len(self._buffer) >= self._max_line_bytes or b"\n" in self._buffer

    def _piece(self) -> int:
        """How much of a line without an end is taken: never half a character (UTF-8 continues one
        with bytes from 0x80 to 0xBF)."""
        end = min(len(self._buffer), self._max_line_bytes)
        border = end
        while 0 < border < len(self._buffer) and 0x80 <= self._buffer[border] < 0xC0:
            border -= 1
        return border or end

    def _chunk(self) -> bytes:
        while True:
            try:
                return os.read(self._descriptor, _CHUNK_BYTES)
            except BlockingIOError:  # whoever gave us the descriptor has set it so
                select.select([self._descriptor], [], [])


def prompted_lines(prompt: str) -> ReadLine:
    """Lines typed at a prompt, with editing and recall where readline is there; `/quit` and Ctrl-D
    end them."""

    def read() -> str | None:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (importing it gives `input` its editing)
        try:
            line = input(prompt)
        except (EOFError, UnicodeDecodeError):
            return None
        return None if line.strip() == QUIT else line

    return read
