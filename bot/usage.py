"""What was used and what it cost, read from the ledger beside a running service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.money.periods import midnight
from bot.vocabulary import SystemClock
from config import Settings
from storage import ledger, migrations, usage
from storage.database import Database
from storage.ledger import UsageReport, UsageSum
from storage.usage import ModelSum

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
    database = Database(settings.environment.database_url, clock=SystemClock())
    try:
        if not await _is_there(database):
            return ledger.nothing_used(columns)
        return await database.read(ledger.report, columns, since=since, until=until)
    finally:
        await database.close()


async def read_days(
    settings: Settings, *, since: datetime | None, until: datetime | None
) -> list[UsageSum]:
    """The same for each day in the operators' time zone on which anything was used, in order."""
    database = Database(settings.environment.database_url, clock=SystemClock())
    try:
        if not await _is_there(database):
            return []
        first_use = await database.read(usage.first_use)
        if first_use is None:
            return []
        start = max(since or first_use, first_use)
        end = min(until or database.now(), database.now())
        days = _days(start, end, settings.operators.zone)
        sums = await database.read(
            ledger.total_each,
            [(day.isoformat(), *_within(day, since, until, settings)) for day in days],
        )
        return [each for each in sums if each.requests]
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class ModelsByDay:
    """Sums by model of some days (UTC), and how many of their requests are estimates."""

    by_day: Mapping[date, Sequence[ModelSum]]
    estimated: int


async def read_models(settings: Settings, days: Sequence[date]) -> ModelsByDay:
    """The days' sums as the provider counts: by UTC day and model. Raises `StorageError`."""
    database = Database(settings.environment.database_url, clock=SystemClock())
    bounds = [(midnight(day, _UTC), midnight(day + timedelta(days=1), _UTC)) for day in days]
    try:
        if not await _is_there(database):
            return ModelsByDay({day: [] for day in days}, 0)
        sums = await database.read(usage.by_model_each, bounds)
        estimated = await database.read(usage.estimated, bounds)
        return ModelsByDay(dict(zip(days, sums, strict=True)), estimated)
    finally:
        await database.close()


async def _is_there(database: Database) -> bool:
    if database.file is not None and not database.file.exists():
        return False
    return await database.read(migrations.current) is not None


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
