"""Which budgets a request counts for, and in which period: the settings' `[[budgets]]` at work."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.vocabulary import Attribution
from config.budgets import BudgetSettings
from storage.budgets import BudgetClaim


class BudgetRules:
    """Turns who a request is for into the counters it is held against.

    Periods begin at midnight in the operator's time zone: days, weeks on Mondays, months on the first.
    """

    def __init__(self, budgets: Sequence[BudgetSettings], *, zone: ZoneInfo) -> None:
        self._budgets = budgets
        self._zone = zone

    def claims(self, who: Attribution, now: datetime) -> list[BudgetClaim]:
        """The budgets that a request made now counts for."""
        claims = (self._claim(budget, who, now) for budget in self._budgets)
        return [claim for claim in claims if claim is not None]

    def _claim(self, budget: BudgetSettings, who: Attribution, now: datetime) -> BudgetClaim | None:
        subject = _subject(budget, who)
        if subject is None:
            return None
        first, after = period_of(now.astimezone(self._zone).date(), budget.period)
        return BudgetClaim(
            key=f"{budget.scope}|{subject}|{budget.period}|{first.isoformat()}",
            limit_nanousd=budget.limit_nanousd,
            resets_at=datetime.combine(after, time.min, tzinfo=self._zone),
        )


def period_of(day: date, period: str) -> tuple[date, date]:
    """The first day of the `day`, `week` or `month` around a day, and the first day after it."""
    match period:
        case "day":
            return day, day + timedelta(days=1)
        case "week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        case "month":
            first = day.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1)
        case _:
            raise ValueError(f"{period!r} is not a period; use day, week or month")


def _subject(budget: BudgetSettings, who: Attribution) -> str | None:
    """What the counter is for; None where the budget does not apply."""
    match budget.scope:
        case "global":
            return "all"
        case "channel":
            return _matching(who.channel_key, budget.channel)
        case "workspace":
            return _matching(who.workspace_key, budget.workspace)
        case "user":
            return _matching(who.person_key, budget.user)


def _matching(key: str | None, wanted: str | None) -> str | None:
    """`key`, if the filter is absent or names it, with or without its workspace."""
    if key is None or wanted is None or wanted == key:
        return key
    platform, _, rest = key.partition(":")
    return key if wanted == f"{platform}:{rest.rpartition(':')[2]}" else None
