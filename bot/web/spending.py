"""What was spent, day by day: read from the ledger once, and only the last days again.

A day that is well over does not change any more. So a page that is always open reads the rows of today
alone, however many there are in all.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from bot.vocabulary import Clock
from storage import usage_sums
from storage.database import Database
from storage.usage_sums import UsageReport, UsageSum, dearest_first

DAYS: Final = 35
"""A month, and what is needed to see how it compares."""

COLUMNS: Final = MappingProxyType(
    {"channel": "channel_key", "model": "model", "person": "person_key", "plugin": "plugin"}
)
FRESH_S: Final = 5.0
"""So old today's sums may be; several pages that look at once share one reading."""

_NOTHING: Final = UsageSum(None)

SETTLED: Final = timedelta(hours=3)
"""After a day's end: by then every request of that day is closed (see `bot.maintenance`)."""


@dataclass(frozen=True, slots=True)
class _Read:
    report: UsageReport
    at: float
    settled: bool


@dataclass(frozen=True, slots=True)
class Spending:
    """The days that have been read so far; all of them are there unless `missing_days`."""

    days: Mapping[date, UsageReport]
    missing_days: int

    def total_since(self, first: date) -> tuple[UsageSum, int]:
        """What all days from this one on come to, and how many turns they answered."""
        found = [report for day, report in self.days.items() if day >= first]
        total = sum((report.total for report in found), _NOTHING)
        return total, sum(report.turns for report in found)


class SpendingByDay:
    """Keeps the sums of the last `DAYS` days. `read` answers quickly: days it has not got to yet are
    read in the background, the newest first."""

    def __init__(self, *, database: Database, zone: ZoneInfo, clock: Clock) -> None:
        self._database = database
        self._zone = zone
        self._clock = clock
        self._days: dict[date, _Read] = {}
        self._reading: asyncio.Task[None] | None = None
        self._today_lock = asyncio.Lock()
        self._settled: dict[date, tuple[frozenset[date], UsageReport]] = {}
        """By the first day of a period: which of its settled days have been added up, and their sums."""

    def today(self) -> date:
        """The day it is for the operators."""
        return self._database.now().astimezone(self._zone).date()

    async def read(self) -> Spending:
        """What is known now, today included. Raises `StorageError`."""
        today = self.today()
        async with self._today_lock:
            await self._read_day(today)
        wanted = [today - timedelta(days=ago) for ago in range(DAYS)]
        self._days = {day: self._days[day] for day in wanted if day in self._days}
        if any(self._is_stale(day) for day in wanted) and not self._is_reading():
            self._reading = asyncio.create_task(self._read_all(wanted), name="spending")
        known = {day: self._days[day].report for day in wanted if day in self._days}
        return Spending(known, missing_days=len(wanted) - len(known))

    async def since(self, first: date) -> UsageReport:
        """All days from this one on that have been read, in one. Settled ones are added up once, and never
        in the event loop: there may be many people in them."""
        days = {day: read for day, read in self._days.items() if day >= first}
        added, known = self._settled.get(first, (frozenset(), merged(())))
        new = {day: read.report for day, read in days.items() if read.settled and day not in added}
        if new:
            known = await asyncio.to_thread(merged, [known, *new.values()])
            self._settled = {day: each for day, each in self._settled.items() if day in self._days}
            self._settled[first] = (added | new.keys(), known)
        lately = [read.report for read in days.values() if not read.settled]
        return await asyncio.to_thread(merged, [known, *lately])

    async def aclose(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _is_reading(self) -> bool:
        return self._reading is not None and not self._reading.done()

    async def _read_all(self, wanted: Iterable[date]) -> None:
        for day in wanted:
            await self._read_day(day)

    async def _read_day(self, day: date) -> None:
        if not self._is_stale(day):
            return
        begins, ends = self._begin(day), self._begin(day + timedelta(days=1))
        report = await self._database.read(
            usage_sums.report, tuple(COLUMNS.values()), since=begins, until=ends
        )
        settled = self._database.now() > ends + SETTLED
        self._days[day] = _Read(report, self._clock.monotonic(), settled)

    def _is_stale(self, day: date) -> bool:
        known = self._days.get(day)
        if known is None:
            return True
        return not known.settled and self._clock.monotonic() - known.at > FRESH_S

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=self._zone)


def merged(reports: Iterable[UsageReport]) -> UsageReport:
    """The sums of several periods in one, the dearest subject first."""
    total, turns = _NOTHING, 0
    by: dict[str, dict[str | None, UsageSum]] = {column: {} for column in COLUMNS.values()}
    for report in reports:
        total, turns = total + report.total, turns + report.turns
        for column, sums in report.by.items():
            for each in sums:
                known = by[column].get(each.subject)
                by[column][each.subject] = each if known is None else known + each
    return UsageReport(
        total,
        turns,
        {column: dearest_first(sums.values()) for column, sums in by.items()},
    )
