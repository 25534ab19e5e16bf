"""A feed of what changed, for pages and tests in other processes that want to follow along."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.vocabulary import Clock
from sandbox.changes import Changes

MAX_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed. Numbers start at 1 and have no gaps."""

    number: int
    at: datetime
    kind: str
    data: Mapping[str, Any]


class Feed:
    """The last changes, oldest first; `data` is JSON and is not changed afterwards."""

    def __init__(self, *, clock: Clock, changes: Changes, max_kept: int = MAX_KEPT) -> None:
        self._clock = clock
        self._changes = changes
        self._kept: deque[Change] = deque(maxlen=max_kept)
        self.last = 0
        """The number of the newest change."""

    def add(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write a change down and wake whoever waits."""
        self.last += 1
        self._kept.append(Change(self.last, self._clock.now(), kind, data))
        self._changes.announce()

    def after(self, number: int) -> tuple[Change, ...]:
        """The changes after that number, as far as they are still kept."""
        return tuple(change for change in self._kept if change.number > number)

    async def wait_after(self, number: int, *, timeout_s: float) -> tuple[Change, ...]:
        """The changes after that number, as soon as there are any; none if none came in time."""
        try:
            await self._changes.until(
                lambda: self.last > number, what="another change", timeout_s=timeout_s
            )
        except TimeoutError:
            return ()
        return self.after(number)
