"""What requests under way have used, and what of it is to be written down, for the case that nobody lives
to close them.

Output grows while nobody looks. So a little more is written down than is known: what will have come, at
the present pace, by the time it is written again. Whoever finds the entry of a request whose process was
killed then books neither too little nor much too much.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bot.vocabulary import Usage

LOOK_S: Final = 0.5
"""How often it is written."""

SILENCE_S: Final = 2.0
"""A request that says nothing for longer is not taken to go on at its pace."""

FIRST_TOKENS_PER_S: Final = 200.0
"""What a request is taken to write until it has been told twice, which shows its own pace. Quick models
write so much; for the others it is too high by half a second's text at most."""


@dataclass(slots=True)
class Running:
    """A request under way. Times are those of the database."""

    opened_at: datetime
    most: int | None
    """It writes no more output than this."""
    usage: Usage = field(default_factory=Usage)
    told_at: datetime | None = None
    tokens_per_s: float = FIRST_TOKENS_PER_S
    is_over: bool = False
    written: Usage | None = None

    def tell(self, usage: Usage, at: datetime, *, final: bool) -> None:
        """So much is known now; `final`: and no more is to come."""
        passed_s = (at - self.told_at).total_seconds() if self.told_at is not None else 0.0
        if passed_s > 0:
            lately = (usage.output_tokens - self.usage.output_tokens) / passed_s
            in_all = usage.output_tokens / max(passed_s, (at - self.opened_at).total_seconds())
            self.tokens_per_s = max(lately, in_all)
        self.usage, self.told_at, self.is_over = usage, at, final

    def due(self, at: datetime) -> Usage | None:
        """What should be written down; None if it is, or nothing is known."""
        wanted = self._ahead(at)
        return None if self.usage == Usage() or wanted == self.written else wanted

    def _ahead(self, at: datetime) -> Usage:
        """What is known, and what will have come by the time it is written again."""
        if self.is_over:
            return self.usage
        since_s = 0.0 if self.told_at is None else (at - self.told_at).total_seconds()
        coming_s = LOOK_S + min(max(0.0, since_s), SILENCE_S)
        output = self.usage.output_tokens + round(self.tokens_per_s * coming_s)
        return replace(
            self.usage, output_tokens=output if self.most is None else min(output, self.most)
        )


class Progress:
    """The requests of this process that are under way, by the ids of their entries."""

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}

    def begin(self, entry_id: str, *, most: int | None, at: datetime) -> None:
        """A request is about to leave."""
        self._running[entry_id] = Running(at, most)

    def tell(self, entry_id: str, usage: Usage, at: datetime, *, final: bool = False) -> None:
        """So much of it is known; `final`: and no more is to come."""
        self._running.setdefault(entry_id, Running(at, None)).tell(usage, at, final=final)

    def forget(self, entry_id: str) -> None:
        """Its entry is closed."""
        self._running.pop(entry_id, None)

    def due(self, at: datetime) -> list[tuple[str, Usage]]:
        """What is to be written down now."""
        return [
            (entry_id, usage)
            for entry_id, each in self._running.items()
            if (usage := each.due(at)) is not None
        ]

    def written(self, entries: Iterable[tuple[str, Usage]]) -> None:
        """It was."""
        for entry_id, usage in entries:
            if entry_id in self._running:
                self._running[entry_id].written = usage
