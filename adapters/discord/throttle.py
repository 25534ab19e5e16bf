"""The limit for all requests together: so many a second, and who goes first when there are more."""

import asyncio
import heapq
from collections import deque
from itertools import count
from typing import Final

from bot.vocabulary import Clock

GLOBAL_PER_S: Final = 50
"""https://discord.com/developers/docs/topics/rate-limits#global-rate-limit"""
WINDOW_S: Final = 1.0


class Throttle:
    """Lets `per_s` requests through in any second, as Discord sees them.

    A place is taken from when a request leaves until a second after its answer: Discord has counted it
    somewhere between. Whoever waits goes in the order of `due`, a time of the clock's `monotonic`.
    """

    def __init__(self, clock: Clock, *, per_s: int = GLOBAL_PER_S) -> None:
        self._clock = clock
        self._per_s = per_s
        self._under_way = 0
        self._free_at: deque[float] = deque()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._pump: asyncio.Task[None] | None = None
        self._freed = asyncio.Event()

    @property
    def room(self) -> int:
        """How many requests could leave now."""
        now = self._clock.monotonic()
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        return self._per_s - self._under_way - len(self._free_at)

    @property
    def crowded(self) -> bool:
        """Somebody waits."""
        return bool(self._waiting)

    def wait_s(self, due: float) -> float:
        """About how long somebody would wait who is due then; 0 where they would not."""
        before = sum(1 for each in self._waiting if each[0] <= due)
        lacking = before - self.room
        if lacking < 0:
            return 0.0
        now = self._clock.monotonic()
        rounds, place = divmod(lacking, self._per_s)
        freed = self._free_at[place] if place < len(self._free_at) else now + WINDOW_S
        return max(0.0, freed - now) + rounds * WINDOW_S

    async def take(self, due: float) -> None:
        """Return when a request may leave; `give_back` when it is answered."""
        if not self._waiting and self.room > 0:
            self._under_way += 1
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (due, next(self._order), granted))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._grant(), name="discord throttle")
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """A request has been answered."""
        self._under_way -= 1
        self._free_at.append(self._clock.monotonic() + WINDOW_S)
        self._freed.set()

    async def _grant(self) -> None:
        while self._waiting:
            if self.room > 0:
                _, _, granted = heapq.heappop(self._waiting)
                if not granted.done():
                    self._under_way += 1
                    granted.set_result(None)
            elif self._free_at:
                await self._clock.sleep(self._free_at[0] - self._clock.monotonic())
            else:
                self._freed.clear()
                await self._freed.wait()
