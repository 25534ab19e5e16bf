"""Work that must keep its order within a channel, and need not wait for other channels."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

log = structlog.get_logger(__name__)

MAX_WAITING: Final = 2_000


class Lanes:
    """Runs pieces of work; those with the same key one after the other."""

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._last: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    @property
    def empty(self) -> bool:
        """Nothing is being done or waits."""
        return not self._running

    def put(self, key: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Do it after what was put there before; false if too much waits already."""
        if len(self._running) >= self._max_waiting:
            return False
        task = asyncio.create_task(self._after(self._last.get(key), work), name=f"lane {key}")
        self._last[key] = task
        self._running.add(task)
        task.add_done_callback(lambda done: self._done(key, done))
        return True

    async def aclose(self) -> None:
        """Give up what is not done."""
        tasks = [*self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    async def _after(
        before: "asyncio.Task[None] | None", work: Callable[[], Awaitable[object]]
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            await work()
        except Exception:
            log.exception("an event could not be handled, and holds up no other")

    def _done(self, key: str, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if self._last.get(key) is task:
            del self._last[key]
