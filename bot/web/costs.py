"""Costs as the page shows them: today, this week, this month, by day, against the budgets."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from bot.money.budget_rules import BudgetRules, Counter
from bot.money.periods import period_of
from bot.money.sums import fields_of
from bot.web.money import Json, usd
from bot.web.spending import COLUMNS, Spending, SpendingByDay
from storage import overview
from storage.budgets import BudgetClaim, BudgetState
from storage.database import Database
from storage.usage_sums import UsageSum

PERIODS: Final = ("day", "week", "month")
CHART_DAYS: Final = 31
SHOWN: Final = 30
"""Rows of each table; the rest is one more row."""

SHOWN_BUDGETS: Final = 100


class Costs:
    """Reads them from the days' sums and the budgets' counters."""

    def __init__(self, *, database: Database, spending: SpendingByDay, rules: BudgetRules) -> None:
        self._database = database
        self._spending = spending
        self._rules = rules

    async def aclose(self) -> None:
        """Stop reading."""
        await self._spending.aclose()

    async def over(self, period: str) -> Json:
        """All figures, those by channel, model, person and plugin over the period. Raises
        `StorageError`, and ValueError if there is no such period."""
        if period not in PERIODS:
            raise ValueError(f"{period!r} is not a period; use day, week or month")
        spending, today = await self._spending.read(), self._spending.today()
        chosen = await self._spending.since(period_of(today, period)[0])
        now = self._database.now()
        counters = await self._database.read(overview.budgets_now, now=now, limit=SHOWN_BUDGETS)
        return {
            "period": period,
            "first_day": period_of(today, period)[0].isoformat(),
            "missing_days": spending.missing_days,
            "totals": {each: _total(spending, period_of(today, each)[0]) for each in PERIODS},
            "days": _days(spending, today),
            "by": {name: _rows(chosen.by[column]) for name, column in COLUMNS.items()},
            "budgets": [
                _budget(each, self._rules.claim_of(Counter.of(each.key), now)) for each in counters
            ],
            "budgets_set": self._rules.count,
        }


def _total(spending: Spending, first: date) -> Json:
    total, turns = spending.total_since(first)
    return {**fields_of(total), "turns": turns}


def _days(spending: Spending, today: date) -> list[Json]:
    """The cost of each day by model, the oldest first; None for a day that is not read yet."""
    shown = (today - timedelta(days=ago) for ago in reversed(range(CHART_DAYS)))
    return [{"day": day.isoformat(), "by_model": _by_model(spending, day)} for day in shown]


def _by_model(spending: Spending, day: date) -> Json | None:
    report = spending.days.get(day)
    if report is None:
        return None
    return {each.subject or "": usd(each.cost_nanousd) for each in report.by["model"]}


def _rows(of: Sequence[UsageSum]) -> list[Json]:
    rows: list[Json] = [{"subject": each.subject, **fields_of(each)} for each in of[:SHOWN]]
    rest = of[SHOWN:]
    if rest:
        rows.append(
            {
                "rest": len(rest),
                "cost_usd": usd(sum(each.cost_nanousd for each in rest)),
                "requests": sum(each.requests for each in rest),
                "unknown_cost_requests": sum(each.unknown_cost_requests for each in rest),
            }
        )
    return rows


def _budget(state: BudgetState, claim: BudgetClaim | None) -> Json:
    counter = Counter.of(state.key)
    limit = None if claim is None else usd(claim.limit_nanousd + state.raised_nanousd)
    return {
        "scope": counter.scope,
        "subject": counter.subject,
        "period": counter.period,
        "first_day": counter.first_day,
        "spent_usd": usd(state.spent_nanousd),
        "held_usd": usd(state.held_nanousd),
        "limit_usd": limit,
        "ends_at": state.ends_at.isoformat(),
    }
