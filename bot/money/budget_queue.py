"""Where requests wait for room in a budget that is not used up, but held for others under way."""

import asyncio
from bisect import insort
from contextlib import suppress

import structlog

from bot.money.news import BudgetNews
from storage import budgets
from storage.budgets import Room
from storage.database import Database
from storage.errors import BudgetExceeded, StorageUnavailable

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 1.0
"""Other replicas settle too, and operators raise budgets: so often it is looked anew."""


class BudgetQueue:
    """A queue for each budget, within one process. Only the first in it looks whether there is room: when
    an entry was closed here, and after a moment. At most `most` wait."""

    def __init__(
        self,
        *,
        database: Database,
        news: BudgetNews,
        most: int,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._database = database
        self._news = news
        self._most = most
        self._look_again_s = look_again_s
        self._queues: dict[str, list[str]] = {}

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(queue) for queue in self._queues.values())

    async def wait(self, refusal: BudgetExceeded, place: str) -> bool:
        """Return true when it is worth asking again: there is room, or there will be none; false at once
        if too many wait already. The lowest `place` comes first. It has no limit of its own in time, and
        outlasts a database that is away."""
        if self.waiting >= self._most:
            return False
        queue = self._queues.setdefault(refusal.budget, [])
        insort(queue, place)
        try:
            while True:
                moved = self._news.moved  # before the look, or what settles during it is missed
                if queue[0] == place and await self._look(refusal) is not Room.HELD:
                    return True
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._look_again_s):
                        await moved.wait()
        finally:
            self._leave(refusal.budget, place)

    def _leave(self, budget: str, place: str) -> None:
        self._queues[budget].remove(place)
        if not self._queues[budget]:
            del self._queues[budget]
        self._news.move()  # there may be room for the next one too

    async def _look(self, refusal: BudgetExceeded) -> Room:
        try:
            return await self._database.look(
                budgets.room,
                refusal.budget,
                limit_nanousd=refusal.limit_nanousd,
                wanted_nanousd=refusal.wanted_nanousd,
            )
        except StorageUnavailable as error:  # who gave up now would lose what it has found out
            log.warning("not looked whether a budget has room", error=str(error))
            return Room.HELD
