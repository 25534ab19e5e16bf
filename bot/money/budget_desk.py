"""Where operators look at budgets, raise them and reset them; each change is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.money.budget_rules import BudgetRules, Counter
from storage import budgets
from storage.budgets import BudgetChange, BudgetClaim, BudgetState
from storage.database import Database


class NoSuchBudget(Exception):
    """No budget has this name, or several have; the message says which there are."""


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget's counter in its present period, and the rule behind it."""

    counter: Counter
    claim: BudgetClaim
    state: BudgetState

    @property
    def limit_nanousd(self) -> int:
        """With what was added."""
        return self.claim.limit_nanousd + self.state.raised_nanousd


class BudgetDesk:
    """Everything raises `StorageError`."""

    def __init__(self, *, database: Database, rules: BudgetRules) -> None:
        self._database = database
        self._rules = rules

    async def lines(self) -> list[BudgetLine]:
        """The budgets in force for whatever has used them in the present period, by name; one for
        everything is there in any case."""
        now = self._database.now()
        states = {each.key: each for each in await self._database.read(budgets.running, now=now)}
        for each in self._rules.beginnings(now):
            if each.column is None:
                key = each.counter("all").key
                states.setdefault(key, BudgetState(key, 0, 0, 0, each.ends_at))
        lines = [self._line(state, now) for state in states.values()]
        return sorted((line for line in lines if line), key=lambda line: line.counter.name)

    async def changes(self, since: datetime) -> list[BudgetChange]:
        """What was done to budgets since then, the newest first."""
        return await self._database.read(budgets.changes_since, since)

    async def raise_limit(self, name: str, amount_nanousd: int, *, by: str) -> BudgetLine:
        """Add to a budget for the rest of its period. Raises `NoSuchBudget`."""
        counter, claim = await self._find(name)
        now = self._database.now()
        state = await self._database.write(
            budgets.raise_limit,
            counter.key,
            amount_nanousd,
            ends_at=claim.resets_at,
            by=by,
            now=now,
        )
        return BudgetLine(counter, claim, state)

    async def reset(self, name: str, *, by: str) -> BudgetLine:
        """Have a budget begin afresh in the middle of its period. Raises `NoSuchBudget`."""
        counter, claim = await self._find(name)
        now = self._database.now()
        state = await self._database.write(
            budgets.reset, counter.key, ends_at=claim.resets_at, by=by, now=now
        )
        return BudgetLine(counter, claim, state)

    async def find(self, name: str) -> BudgetLine:
        """The budget of this name, whole or in part. Raises `NoSuchBudget`."""
        counter, claim = await self._find(name)
        state = await self._database.read(budgets.state, counter.key)
        empty = BudgetState(counter.key, 0, 0, 0, claim.resets_at)
        return BudgetLine(counter, claim, state or empty)

    async def _find(self, name: str) -> tuple[Counter, BudgetClaim]:
        lines = await self.lines()
        named = [line for line in lines if name in (line.counter.name, line.counter.key)]
        found = named or [line for line in lines if name and name in line.counter.name]
        if len(found) == 1:
            return found[0].counter, found[0].claim
        unused = self._unused(name)
        if not found and unused is not None:
            return unused
        there = ", ".join(_names(found or lines)) or "none"
        what = f"several budgets are meant by {name}" if found else f"there is no budget {name}"
        raise NoSuchBudget(f"{what}; there are: {there}")

    def _unused(self, name: str) -> tuple[Counter, BudgetClaim] | None:
        """A budget by its whole name that nothing was counted for yet."""
        now = self._database.now()
        for each in self._rules.beginnings(now):
            prefix, suffix = f"{each.scope}/", f"/{each.period}"
            if name.startswith(prefix) and name.endswith(suffix):
                counter = each.counter(name[len(prefix) : -len(suffix)])
                claim = self._rules.claim_of(counter, now)
                return None if claim is None else (counter, claim)
        return None

    def _line(self, state: BudgetState, now: datetime) -> BudgetLine | None:
        counter = Counter.of(state.key)
        claim = self._rules.claim_of(counter, now)
        return None if claim is None else BudgetLine(counter, claim, state)


def _names(lines: Sequence[BudgetLine], most: int = 20) -> list[str]:
    return [line.counter.name for line in lines[:most]]
