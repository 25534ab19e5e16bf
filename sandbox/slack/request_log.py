"""Which Web API methods were called, how, and what became of it."""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sandbox.changes import Changes


class Outcome(StrEnum):
    """What became of a call."""

    RUNNING = "running"
    ANSWERED = "answered"
    REFUSED = "refused"
    """It was answered with `ok: false`."""
    FAULTED = "faulted"
    """A scripted fault struck."""
    DISCONNECTED = "disconnected"
    """The client went away before the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """One call; `args` without the token. `acted` is false where nothing was done."""

    number: int
    at: datetime
    method: str
    args: Mapping[str, Any]
    team_id: str | None = None
    outcome: Outcome = Outcome.RUNNING
    status: int | None = None
    answer: Mapping[str, Any] | None = None
    acted: bool = False

    @property
    def error(self) -> str | None:
        """The error string of a refusal."""
        return None if self.answer is None else self.answer.get("error")


class RequestLog:
    """The last `max_kept` calls. `counts` count since the last `clear`; the numbers go on."""

    def __init__(self, changes: Changes, *, max_kept: int = 10_000) -> None:
        self._changes = changes
        self._max_kept = max_kept
        self._seen: OrderedDict[int, SeenCall] = OrderedDict()
        self._last_number = 0
        self.counts: Counter[str] = Counter()
        """How often each method was called."""

    @property
    def seen(self) -> tuple[SeenCall, ...]:
        """The calls, oldest first."""
        return tuple(self._seen.values())

    def note(self, *, at: datetime, method: str, args: Mapping[str, Any]) -> int:
        """Write a call down; returns its number."""
        self.counts[method] += 1
        self._last_number += 1
        self._seen[self._last_number] = SeenCall(
            number=self._last_number, at=at, method=method, args=args
        )
        if len(self._seen) > self._max_kept:
            self._seen.popitem(last=False)
        self._changes.announce()
        return self._last_number

    def update(self, number: int, **facts: Any) -> None:
        """Write down more about it."""
        seen = self._seen.get(number)
        if seen is not None:
            self._seen[number] = replace(seen, **facts)
        self._changes.announce()

    def clear(self) -> None:
        """Forget the calls."""
        self._seen.clear()
        self.counts.clear()
