"""What somebody used in a period: the answer to "what did it cost?"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add

from bot.money.periods import Period
from bot.money.savings import Savings
from bot.vocabulary import Usage
from storage import turn_figures, usage
from storage.database import Database
from storage.subjects import Subject
from storage.usage import ModelSum


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """What one model was used for."""

    model: str
    requests: int
    usage: Usage
    cost_nanousd: int
    unknown_cost_requests: int


@dataclass(frozen=True, slots=True)
class Used:
    """What was used in a period. Costs are what is known; how many are not stands beside them."""

    turns: int
    by_model: Sequence[ModelUsed]
    """The dearest first."""
    saved_nanousd: int
    """What the prompt cache saved."""

    @property
    def cost_nanousd(self) -> int:
        """What is known to be owed."""
        return sum(each.cost_nanousd for each in self.by_model)

    @property
    def unknown_cost_requests(self) -> int:
        """Requests of which it is not known what they cost."""
        return sum(each.unknown_cost_requests for each in self.by_model)

    @property
    def requests(self) -> int:
        """All requests that were made."""
        return sum(each.requests for each in self.by_model)

    @property
    def usage(self) -> Usage:
        """All tokens."""
        return reduce(add, (each.usage for each in self.by_model), Usage())


class UsageReader:
    """Reads the ledger for people."""

    def __init__(self, *, database: Database, savings: Savings) -> None:
        self._database = database
        self._savings = savings

    async def used(self, period: Period, subject: Subject | None = None) -> Used:
        """What one subject, or everybody, used in a period. Raises `StorageError`."""
        since, until = period.since, period.until
        saved_nanousd, merged = 0, dict[str, ModelUsed]()
        for start, end in self._savings.pieces(since, until):
            sums = await self._by_model(start, end, subject)
            saved_nanousd += self._savings.nanousd(sums, when=start)
            merge(merged, sums)
        turns = await self._database.read(
            turn_figures.answered_turns, since=since, until=until, subject=subject
        )
        return Used(turns=turns, by_model=dearest_first(merged), saved_nanousd=saved_nanousd)

    async def _by_model(
        self, since: datetime, until: datetime, subject: Subject | None
    ) -> list[ModelSum]:
        return await self._database.read(
            usage.by_model,
            since=since,
            until=until,
            borders=self._savings.tier_borders,
            subject=subject,
        )


def merge(merged: dict[str, ModelUsed], sums: Sequence[ModelSum]) -> None:
    """Add sums to what is known of their models."""
    for each in sums:
        before = merged.get(each.model, ModelUsed(each.model, 0, Usage(), 0, 0))
        merged[each.model] = ModelUsed(
            model=each.model,
            requests=before.requests + each.requests,
            usage=before.usage + each.usage,
            cost_nanousd=before.cost_nanousd + each.cost_nanousd,
            unknown_cost_requests=before.unknown_cost_requests + each.unknown_cost_requests,
        )


def dearest_first(merged: Mapping[str, ModelUsed]) -> list[ModelUsed]:
    """The models that were used, the dearest first."""
    used = (each for each in merged.values() if each.requests)
    return sorted(used, key=lambda each: (-each.cost_nanousd, each.model))
