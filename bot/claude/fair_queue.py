"""A queue that serves lanes in turn, and within a lane first come, first served."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """However much one lane has waiting, every other lane gets its turn after it."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def push(self, lane: str, item: T) -> None:
        """Put an item at the end of its lane; a new lane comes after all others."""
        self._lanes.setdefault(lane, deque()).append(item)

    def peek(self) -> T:
        """The item whose turn it is. Raises `IndexError` if there is none."""
        if not self._lanes:
            raise IndexError("nothing is waiting")
        return next(iter(self._lanes.values()))[0]

    def pop(self) -> T:
        """Take the item whose turn it is; its lane goes to the end. Raises `IndexError` if none."""
        item = self.peek()
        lane, items = self._lanes.popitem(last=False)
        items.popleft()
        if items:
            self._lanes[lane] = items
        return item

    def items(self) -> list[T]:
        """All that wait, lane by lane."""
        return [item for items in self._lanes.values() for item in items]

    def remove(self, lane: str, item: T) -> None:
        """Take an item out, wherever it stands; fine if it is gone already."""
        items = self._lanes.get(lane)
        if items is None or item not in items:
            return
        items.remove(item)
        if not items:
            del self._lanes[lane]
