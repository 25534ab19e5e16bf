"""Time comes from outside, so that tests can move it and need no sleep."""

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> datetime:
        """The present instant, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward; only differences mean something."""

    async def sleep(self, delay_s: float) -> None:
        """Return after `delay_s` seconds; at once, but after one switch, if that is not positive."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The machine's time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """The machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """`asyncio.sleep`."""
        await asyncio.sleep(max(0.0, delay_s))


class ShiftedClock(SystemClock):
    """The machine's clock, ahead by a fixed time: for looking at what will happen then."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """The machine's time, and so much more."""
        return super().now() + self._ahead


class ManualClock:
    """A clock that stands still until `advance` moves it; sleepers wake in the order they are due."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        """The start plus all that `advance` has added."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed_s

    async def sleep(self, delay_s: float) -> None:
        """Wait until `advance` has passed the wake-up time."""
        if delay_s <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + delay_s, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time forward, waking each sleeper when it is due and letting it run."""
        target = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            self._elapsed_s = max(self._elapsed_s, due)
            if not future.done():
                future.set_result(None)
            await self._settle()
        self._elapsed_s = target
        await self._settle()

    @staticmethod
    async def _settle() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
