"""Keeps the ledger in step with the requests: opened before, closed after, whatever happens."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.claude.books import Books
from bot.claude.errors import DeadlineExceeded
from bot.claude.observer import Observer
from bot.vocabulary import BillableRequest, Clock, Closing, Usage

T = TypeVar("T")

CLOSE_S = 1.0
"""How long a caller is kept for the closing of an entry; it goes on by itself after that."""

CLOSE_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts to close an entry; what stays open is closed by whoever sweeps."""

PROGRESS_EVERY_S = 1.0
FIRST_PROGRESS_S = 0.25
"""At first it is told more often, so that its pace is known soon."""


@dataclass(slots=True, kw_only=True)
class OpenEntry:
    """An entry of the ledger that belongs to a request under way."""

    books: Books
    entry_id: str
    clock: Clock
    _next_progress: float = 0.0
    _pause_s: float = FIRST_PROGRESS_S

    def progress(self, usage: Usage, *, final: bool = False) -> None:
        """Tell how far the request is, or that it has come to its end."""
        self._next_progress = self.clock.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, PROGRESS_EVERY_S)
        self.books.progress(self.entry_id, usage, final=final)

    @property
    def wants_progress(self) -> bool:
        """It has not been told for about a second."""
        return self.clock.monotonic() >= self._next_progress


class Bookkeeper:
    """Opens and closes entries so that no cancellation comes between a request and its entry."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        self._clock = clock
        self._observer = observer
        self._running: set[asyncio.Task[Any]] = set()

    async def open(self, books: Books, request: BillableRequest, *, deadline: float) -> OpenEntry:
        """Open an entry. What the books raise goes through untouched.

        If the caller is cancelled meanwhile, an entry that was opened all the same is taken back.

        Raises:
            DeadlineExceeded: the books did not answer in time.
        """
        opening = self._start(books.open(request))
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                entry_id = await asyncio.shield(opening)
        except (asyncio.CancelledError, TimeoutError) as error:
            if _failed(opening):
                raise  # the books' own error
            self._start(self._take_back(books, opening))
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded("the ledger did not answer in time") from error
            raise
        return OpenEntry(books=books, entry_id=entry_id, clock=self._clock)

    async def close(self, books: Books, closing: Closing) -> None:
        """Close an entry; neither cancellation nor a slow ledger keeps it from being closed. An
        entry that can't be closed stays open and is reported to the observer."""
        task = self._start(self._close(books, closing))
        await asyncio.wait({task}, timeout=CLOSE_S)

    async def aclose(self) -> None:
        """Wait, for a bounded time, for what is still being written."""
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSE_S)

    async def _close(self, books: Books, closing: Closing) -> None:
        """Try for a while; the answer's own outcome matters more, so nothing is raised."""
        for wait_s in (*CLOSE_AGAIN_S, None):
            try:
                await books.close(closing)
                return
            except Exception as error:
                self._observer.books_failed(error)
            if wait_s is not None:
                await self._clock.sleep(wait_s)

    async def _take_back(self, books: Books, opening: "asyncio.Task[str]") -> None:
        try:
            entry_id = await opening
        except Exception:  # it was never opened
            return
        await self._close(books, Closing.unbilled(entry_id))

    def _start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """A task that outlives a cancelled caller."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _failed(task: "asyncio.Task[str]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
