"""The figures of a report: what a period cost, against what went before and what is allowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.money.budget_rules import BudgetRules, Counter
from bot.money.periods import Kind, Period, around, before, midnight
from bot.money.savings import Savings
from bot.money.used import ModelUsed, Used, dearest_first, merge
from bot.reports.anomalies import Unusual, unusual
from bot.reports.forecast import forecast_nanousd
from storage import budgets, turn_figures, usage
from storage.database import Database
from storage.subjects import DIRECT
from storage.turn_figures import TurnFigures
from storage.usage import Share

BASELINE_DAYS = 56
"""Days before a period with which its days are compared: eight weeks."""

BASELINE_PERIODS: Mapping[Kind, int] = {"day": 28, "week": 8, "month": 6}
"""So many periods before it a channel's cost is compared with."""

CHANNELS_COMPARED = 20
"""Only the dearest channels are compared with their own normal: no other can be far above $1 more."""

CHART_DAYS = 7
"""A picture shows at least so many days."""


@dataclass(frozen=True, slots=True)
class UnusualDay:
    """A day that cost far more than days usually do."""

    day: date
    cost: Unusual


@dataclass(frozen=True, slots=True)
class UnusualChannel:
    """A channel that cost far more than it usually does."""

    channel_key: str
    cost: Unusual


@dataclass(frozen=True, slots=True)
class Month:
    """The month that a report's period ends in: spent so far, expected at its end, and allowed.

    `limit_nanousd` is the budget for everything; None if there is none.
    """

    period: Period
    spent_nanousd: int
    forecast_nanousd: int
    limit_nanousd: int | None
    over: bool
    """It ended with the report's period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that a digest says, in nano-dollars and counts."""

    kind: Kind
    period: Period
    so_far: bool
    """The period is not over."""
    used: Used
    turns: TurnFigures
    before_nanousd: int | None
    """What the period before cost; None if nothing was counted then."""
    days: Mapping[date, Mapping[str, int]]
    """Cost by day and model, for the picture."""
    channels: Sequence[Share]
    people: Sequence[Share]
    month: Month
    unusual_days: Sequence[UnusualDay]
    unusual_channels: Sequence[UnusualChannel]


class FiguresReader:
    """Reads the figures of a report. Each of its reads is short, so that turns need not wait for it."""

    def __init__(self, *, database: Database, savings: Savings, rules: BudgetRules) -> None:
        self._database = database
        self._savings = savings
        self._rules = rules

    async def read(self, kind: Kind, period: Period, *, now: datetime) -> Figures:
        """The figures of a period as far as it has gone. Raises `StorageError`."""
        read = self._database.read
        first_use = await read(usage.first_use)
        until = max(period.since, min(period.until, now))
        days, used = await self._days(period, until)
        earlier = await self._earlier_days(period, first_use)
        channels = await read(usage.shares, "channel_key", since=period.since, until=until)
        daily = {**earlier, **{day: sum(costs.values()) for day, costs in days.items()}}
        return Figures(
            kind=kind,
            period=period,
            so_far=not period.is_over(now),
            used=used,
            turns=await read(turn_figures.of_period, since=period.since, until=until),
            before_nanousd=await self._before(kind, period, first_use),
            days=days,
            channels=channels,
            people=await read(usage.shares, "person_key", since=period.since, until=until),
            month=await self._month(until, period, daily),
            unusual_days=_unusual_days(period, days, earlier),
            unusual_channels=await self._unusual_channels(kind, period, channels, first_use),
        )

    async def _days(
        self, period: Period, until: datetime
    ) -> tuple[dict[date, dict[str, int]], Used]:
        """Cost by day and model of the days that a picture shows, and what the period used in all."""
        days = _chart_days(period)
        pieces = [
            (day, piece) for day in days for piece in self._savings.pieces(*_bounds(day, period))
        ]
        sums = await self._database.read(
            usage.by_model_each,
            [piece for _, piece in pieces],
            borders=self._savings.tier_borders,
        )
        costs: dict[date, dict[str, int]] = {day: {} for day in days}
        merged, saved_nanousd = dict[str, ModelUsed](), 0
        for (day, (start, _)), of_piece in zip(pieces, sums, strict=True):
            for each in of_piece:
                costs[day][each.model] = costs[day].get(each.model, 0) + each.cost_nanousd
            if day >= period.first:
                saved_nanousd += self._savings.nanousd(of_piece, when=start)
                merge(merged, of_piece)
        turns = await self._database.read(
            turn_figures.answered_turns, since=period.since, until=until
        )
        return costs, Used(turns, dearest_first(merged), saved_nanousd)

    async def _earlier_days(self, period: Period, first_use: datetime | None) -> dict[date, int]:
        """What each day before the period cost, as far as anything was counted then."""
        if first_use is None:
            return {}
        first = max(
            period.first - timedelta(days=BASELINE_DAYS), first_use.astimezone(period.zone).date()
        )
        days = [first + timedelta(days=n) for n in range((period.first - first).days)]
        bounds = [_bounds(day, period) for day in days]
        return dict(zip(days, await self._database.read(usage.costs, bounds), strict=True))

    async def _before(self, kind: Kind, period: Period, first_use: datetime | None) -> int | None:
        earlier = before(period, kind)
        if first_use is None or first_use >= earlier.until:
            return None
        (cost,) = await self._database.read(usage.costs, [(earlier.since, earlier.until)])
        return cost

    async def _month(self, until: datetime, period: Period, daily: Mapping[date, int]) -> Month:
        last_day = (until - timedelta(microseconds=1)).astimezone(period.zone).date()
        month = around(max(last_day, period.first), "month", period.zone)
        (spent,) = await self._database.read(usage.costs, [(month.since, max(until, month.since))])
        return Month(
            period=month,
            spent_nanousd=spent,
            forecast_nanousd=forecast_nanousd(
                spent_nanousd=spent,
                last_day=last_day,
                month_after=month.after,
                known_days=daily,
            ),
            limit_nanousd=await self._limit(month),
            over=until >= month.until,
        )

    async def _limit(self, month: Period) -> int | None:
        """The budget for everything in that month, with what an operator added."""
        counter = Counter("global", "all", "month", month.first.isoformat())
        claim = self._rules.claim_of(counter, month.since)
        if claim is None:
            return None
        state = await self._database.read(budgets.state, claim.key)
        return claim.limit_nanousd + (0 if state is None else state.raised_nanousd)

    async def _unusual_channels(
        self,
        kind: Kind,
        period: Period,
        channels: Sequence[Share],
        first_use: datetime | None,
    ) -> list[UnusualChannel]:
        if first_use is None:
            return []
        earlier = _periods_before(period, kind, first_use)
        shared = [each for each in channels if each.subject not in (None, DIRECT)]
        found = []
        for each in shared[:CHANNELS_COMPARED]:
            key = str(each.subject)
            costs = await self._database.read(usage.costs, earlier, channel_key=key)
            cost = unusual(each.cost_nanousd, costs)
            if cost is not None:
                found.append(UnusualChannel(key, cost))
        return found


def _unusual_days(
    period: Period, days: Mapping[date, Mapping[str, int]], earlier: Mapping[date, int]
) -> list[UnusualDay]:
    costs = [(day, unusual(sum(days[day].values()), [*earlier.values()])) for day in period.days]
    return [UnusualDay(day, cost) for day, cost in costs if cost is not None]


def _chart_days(period: Period) -> list[date]:
    """The period's days, and so many before them that there are enough for a picture."""
    missing = max(0, CHART_DAYS - len(period.days))
    return [period.first - timedelta(days=n) for n in range(missing, 0, -1)] + period.days


def _bounds(day: date, period: Period) -> tuple[datetime, datetime]:
    zone = period.zone
    return midnight(day, zone), midnight(day + timedelta(days=1), zone)


def _periods_before(
    period: Period, kind: Kind, first_use: datetime
) -> list[tuple[datetime, datetime]]:
    """The bounds of the periods before it in which anything was counted from their beginning."""
    found, each = [], period
    for _ in range(BASELINE_PERIODS[kind]):
        each = before(each, kind)
        if each.since < around(first_use.astimezone(each.zone).date(), kind, each.zone).since:
            break
        found.append((each.since, each.until))
    return found
