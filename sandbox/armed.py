"""Faults that are armed for what comes next."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

F = TypeVar("F")


@dataclass(slots=True)
class _Armed(Generic[F]):
    fault: F
    left: int | None
    target: str | None


class ArmedFaults(Generic[F]):
    """The oldest fault that fits is taken. What a `target` is, each simulator knows; None is for all."""

    def __init__(self) -> None:
        self._armed: deque[_Armed[F]] = deque()

    def add(self, faults: Iterable[F], *, times: int | None, target: str | None) -> None:
        """Each fault in turn strikes so many times; None for always."""
        self._armed.extend(_Armed(fault, times, target) for fault in faults)

    def take_one(self, fits: Callable[[str | None], bool]) -> F | None:
        """The first fault whose target fits, used up by one; None if nothing is to fail."""
        for armed in self._armed:
            if not fits(armed.target):
                continue
            if armed.left is not None:
                armed.left -= 1
                if armed.left <= 0:
                    self._armed.remove(armed)
            return armed.fault
        return None

    def clear(self) -> None:
        """Let everything succeed again."""
        self._armed.clear()
