"""What keeps the database small and the ledger closed: a nightly sweep and an hourly look."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from bot.scheduler import Job
from bot.vocabulary import Clock
from bot.wall_clock import WallClockTimes
from config import Settings
from storage import ledger, retention
from storage.database import Database
from storage.ledger import PriceOf
from storage.retention import Swept

log = structlog.get_logger(__name__)

PAUSE_S = 0.05
"""Between two batches, so that turns come first."""

ABANDONED_AFTER = timedelta(hours=1)
"""No request takes so long: an entry still open then belonged to a process that died."""


class Maintenance:
    """The jobs that Parley schedules for itself."""

    def __init__(
        self, *, database: Database, settings: Settings, clock: Clock, price_of: PriceOf
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._price_of = price_of

    def jobs(self) -> list[Job]:
        """The nightly sweep, in the operator's time zone, and the hourly look."""
        zone = self._settings.operators.zone
        return [
            Job("retention", WallClockTimes(zone, hour=3, minute=20), self.sweep, 3600.0),
            Job("abandoned entries", WallClockTimes(UTC, minute=7), self.close_abandoned, 60.0),
        ]

    async def sweep(self, _: datetime) -> None:
        """Delete what is older than the settings allow, in small batches."""
        now, settings = self._database.now(), self._settings
        keep = settings.retention
        answers_before = now - timedelta(seconds=settings.cache.max_age_s)
        rows = await self._all_of(retention.sweep_expired, now=now, answers_before=answers_before)
        rows += await self._all_of(
            retention.sweep_inbox, before=now - timedelta(days=keep.inbox_days)
        )
        if keep.text_days:
            before = now - timedelta(days=keep.text_days)
            rows += await self._all_of(retention.sweep_texts, before=before)
        log.info("retention swept", rows=rows)

    async def close_abandoned(self, _: datetime) -> None:
        """Close the ledger entries of processes that died without anybody noticing."""
        now = self._database.now()
        closed = await self._database.write(
            ledger.close_abandoned,
            now=now,
            price_of=self._price_of,
            opened_before=now - ABANDONED_AFTER,
        )
        if closed:
            log.warning("abandoned ledger entries closed", entries=closed)

    async def _all_of(self, sweep: Callable[..., Swept], **ages: datetime) -> int:
        """Repeat a batch until it finds nothing more; how many rows it changed."""
        rows, more = 0, True
        while more:
            swept = await self._database.write(sweep, **ages)
            rows, more = rows + swept.rows, swept.more
            await self._clock.sleep(PAUSE_S)
        return rows
