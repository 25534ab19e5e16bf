"""Which budgets a request counts for, and in which period: the settings' `[[budgets]]` at work."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.money.periods import midnight, period_of
from bot.vocabulary import Attribution
from config.budgets import BudgetSettings
from storage.budgets import BudgetClaim

_COLUMNS = {
    "global": None,
    "channel": "channel_key",
    "workspace": "workspace_key",
    "user": "person_key",
}
"""The ledger's column that each scope counts by."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A budget's counter as its key names it. `first_day` is that of its period, in ISO form."""

    scope: str
    subject: str
    period: str
    first_day: str

    @property
    def key(self) -> str:
        """What the counter is stored under."""
        return f"{self.scope}|{self.subject}|{self.period}|{self.first_day}"

    @property
    def name(self) -> str:
        """What people call it, whatever the period's date: `channel/slack:T1:C1/month`."""
        return f"{self.scope}/{self.subject}/{self.period}"

    @classmethod
    def of(cls, key: str) -> "Counter":
        """The inverse of `key`. Raises `ValueError`."""
        scope, subject, period, first_day = key.split("|")
        return cls(scope, subject, period, first_day)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Counters of one scope and period, and since when they count. `column` of the ledger is what they
    are kept by, None: there is one for everything."""

    scope: str
    period: str
    column: str | None
    first_day: str
    since: datetime
    ends_at: datetime

    def counter(self, subject: str) -> Counter:
        """The counter of a subject."""
        return Counter(self.scope, subject, self.period, self.first_day)


class BudgetRules:
    """Turns who a request is for into the counters it is held against.

    Periods begin at midnight in the operator's time zone: days, weeks on Mondays, months on the first.
    """

    def __init__(self, budgets: Sequence[BudgetSettings], *, zone: ZoneInfo) -> None:
        self._budgets = budgets
        self._zone = zone

    @property
    def count(self) -> int:
        """How many budgets there are."""
        return len(self._budgets)

    def claims(self, who: Attribution, now: datetime) -> list[BudgetClaim]:
        """The budgets that a request made now counts for."""
        claims = (self._claim(budget, who, now) for budget in self._budgets)
        return [claim for claim in claims if claim is not None]

    def claim_of(self, counter: Counter, now: datetime) -> BudgetClaim | None:
        """The tightest budget that counts there; None if none does any more."""
        claims = [
            BudgetClaim(
                counter.key, budget.limit_nanousd, self._ends_at(budget, now), _downgrades(budget)
            )
            for budget in self._budgets
            if (budget.scope, budget.period) == (counter.scope, counter.period)
            and _applies(budget, counter.subject)
        ]
        return min(claims, key=lambda claim: claim.limit_nanousd, default=None)

    def beginnings(self, now: datetime) -> Iterator[Beginning]:
        """The kinds of counters there are, each once."""
        for scope, period in dict.fromkeys((each.scope, each.period) for each in self._budgets):
            first, after = period_of(now.astimezone(self._zone).date(), period)
            yield Beginning(
                scope=scope,
                period=period,
                column=_COLUMNS[scope],
                first_day=first.isoformat(),
                since=midnight(first, self._zone),
                ends_at=midnight(after, self._zone),
            )

    def _claim(self, budget: BudgetSettings, who: Attribution, now: datetime) -> BudgetClaim | None:
        subject = _subject(budget, who)
        if subject is None:
            return None
        first, after = period_of(now.astimezone(self._zone).date(), budget.period)
        return BudgetClaim(
            key=Counter(budget.scope, subject, budget.period, first.isoformat()).key,
            limit_nanousd=budget.limit_nanousd,
            resets_at=midnight(after, self._zone),
            downgrade=_downgrades(budget),
        )

    def _ends_at(self, budget: BudgetSettings, now: datetime) -> datetime:
        return midnight(period_of(now.astimezone(self._zone).date(), budget.period)[1], self._zone)


def _downgrades(budget: BudgetSettings) -> bool:
    return budget.action == "downgrade"


def _subject(budget: BudgetSettings, who: Attribution) -> str | None:
    """What the counter is for; None where the budget does not apply."""
    match budget.scope:
        case "global":
            return "all"
        case "channel":
            key = who.channel_key
        case "workspace":
            key = who.workspace_key
        case "user":
            key = who.person_key
    return key if key is not None and _applies(budget, key) else None


def _applies(budget: BudgetSettings, key: str) -> bool:
    """Whether its filters let the channel, workspace or person with this key through."""
    inside = budget.workspace if budget.scope != "workspace" else None
    if inside is not None and not key.startswith(f"{inside}:"):
        return False
    wanted = {
        "channel": budget.channel,
        "user": budget.user,
        "workspace": budget.workspace,
    }.get(budget.scope)
    platform, _, rest = key.partition(":")
    return wanted in (None, key, f"{platform}:{rest.rpartition(':')[2]}")
