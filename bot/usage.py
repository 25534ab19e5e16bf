"""What was used and what it cost, read from the ledger beside a running service."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.money.periods import midnight
from bot.vocabulary import SystemClock
from config import Settings
from storage import migrations, usage, usage_sums
from storage.database import Database
from storage.usage import ModelSum
from storage.usage_sums import UsageReport, UsageSum

_UTC = ZoneInfo("UTC")


async def read_usage(
    settings: Settings,
    *,
    since: datetime | None,
    until: datetime | None,
    columns: Sequence[str],
) -> UsageReport:
    """Sums over the requests made in [since, until), in all and per value of each of the columns.

    A database that is not there yet has seen no request, and is not made. Raises `StorageError`.
    """
    async with _ledger(settings) as database:
        if database is None:
            return usage_sums.nothing_used(columns)
        return await database.read(usage_sums.report, columns, since=since, until=until)


async def read_days(
    settings: Settings, *, since: datetime | None, until: datetime | None
) -> list[UsageSum]:
    """The same for each day in the operators' time zone on which anything was used, in order."""
    async with _ledger(settings) as database:
        first_use = None if database is None else await database.read(usage.first_use)
        if database is None or first_use is None:
            return []
        start = max(since or first_use, first_use)
        end = min(until or database.now(), database.now())
        days = _days(start, end, settings.operators.zone)
        sums = await database.read(
            usage_sums.total_each,
            [(day.isoformat(), *_within(day, since, until, settings)) for day in days],
        )
        return [each for each in sums if each.requests]


@dataclass(frozen=True, slots=True)
class ModelsByDay:
    """Sums by model of some days (UTC), and how many of their requests are estimates."""

    by_day: Mapping[date, Sequence[ModelSum]]
    estimated: int


async def read_models(settings: Settings, days: Sequence[date]) -> ModelsByDay:
    """The days' sums as the provider counts: by UTC day and model. Raises `StorageError`."""
    bounds = [(midnight(day, _UTC), midnight(day + timedelta(days=1), _UTC)) for day in days]
    async with _ledger(settings) as database:
        if database is None:
            return ModelsByDay({day: [] for day in days}, 0)
        sums = await database.read(usage.by_model_each, bounds)
        estimated = await database.read(usage.estimated, bounds)
        return ModelsByDay(dict(zip(days, sums, strict=True)), estimated)


@asynccontextmanager
async def _ledger(settings: Settings) -> AsyncIterator[Database | None]:
    """The database; None if it is not there yet, and then it is not made."""
    database = Database(settings.environment.database_url, clock=SystemClock())
    try:
        there = database.has_file and await database.read(migrations.current) is not None
        yield database if there else None
    finally:
        await database.close()


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _within(
    day: date, since: datetime | None, until: datetime | None, settings: Settings
) -> tuple[datetime, datetime]:
    """The day's bounds, cut to the times that were asked for."""
    zone = settings.operators.zone
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    return max(start, since or start), min(end, until or end)
