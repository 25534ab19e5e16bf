"""The last things that a simulator was asked, by number."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from sandbox.changes import Changes

S = TypeVar("S")


class Kept(Generic[S]):
    """Keeps `max_kept` of them and forgets the oldest; the numbers go on after `clear`. What is kept is
    a frozen dataclass."""

    def __init__(self, changes: Changes, *, max_kept: int) -> None:
        self._changes = changes
        self._max_kept = max_kept
        self._seen: OrderedDict[int, S] = OrderedDict()
        self._last_number = 0

    @property
    def seen(self) -> tuple[S, ...]:
        """All that are kept, oldest first."""
        return tuple(self._seen.values())

    def add(self, make: Callable[[int], S]) -> int:
        """Keep what is made for a new number; the number."""
        self._last_number += 1
        self._seen[self._last_number] = make(self._last_number)
        if len(self._seen) > self._max_kept:
            self._seen.popitem(last=False)
        self._changes.announce()
        return self._last_number

    def change(self, number: int, **facts: Any) -> None:
        """Write down more about one, if it is still kept."""
        seen = self._seen.get(number)
        if seen is not None:
            self._seen[number] = replace(seen, **facts)  # type: ignore[type-var]  # see the class
        self._changes.announce()

    def clear(self) -> None:
        """Forget them."""
        self._seen.clear()
