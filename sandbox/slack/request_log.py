"""Which Web API methods were called, how, and what became of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.changes import Changes
from sandbox.kept import Kept
from sandbox.outcome import Outcome


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


class RequestLog(Kept[SeenCall]):
    """The last `max_kept` calls. `counts` count since the last `clear`."""

    def __init__(self, changes: Changes, *, max_kept: int = 10_000) -> None:
        super().__init__(changes, max_kept=max_kept)
        self.counts: Counter[str] = Counter()
        """How often each method was called."""

    def note(self, *, at: datetime, method: str, args: Mapping[str, Any]) -> int:
        """Write a call down; returns its number."""
        self.counts[method] += 1
        return self.add(lambda number: SeenCall(number=number, at=at, method=method, args=args))

    def clear(self) -> None:
        """Forget the calls."""
        super().clear()
        self.counts.clear()
