"""Where reports become due: a loop on every replica that notices it, and has them sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from bot.reports.schedule import ReportSchedule
from bot.reports.sending import ReportSender
from bot.vocabulary import Clock
from storage import reports
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

LONGEST_SLEEP_S = 60.0
"""So that a step of the wall clock, or a machine that slept, delays a report by no more than this."""

SHORTEST_SLEEP_S = 0.5


class ReportDesk:
    """Notices what is due. A run that was missed while nothing was running is made up for, the last one
    only, and never one from before the report was configured."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        schedules: Sequence[ReportSchedule],
        sender: ReportSender,
    ) -> None:
        self._database = database
        self._clock = clock
        self._due = [(each, target) for each in schedules for target in each.report.to]
        self._sender = sender
        self._seen: dict[str, datetime] | None = None
        self._planned: dict[str, datetime] = {}

    async def run(self) -> None:
        """Plan and send until cancelled."""
        while True:
            try:
                await self._plan()
                await self._sender.send_waiting()
            except StorageError as error:
                log.error("reports have to wait for the database", error=str(error))
            except Exception:
                log.exception("a defect in the reports; they are looked at again")
            await self._clock.sleep(await self._pause_s())

    async def _plan(self) -> None:
        """Make a row for every run that has become due since its report is known."""
        if self._seen is None:
            keys = {schedule.key(target) for schedule, target in self._due}
            await self._database.write(reports.sync_seen, keys, now=self._clock.now())
            self._seen = await self._database.read(reports.seen_since)
        now = self._clock.now()  # the wall's, by which people expect a report
        for schedule, target in self._due:
            key, due_at = schedule.key(target), schedule.last_due(now)
            if due_at < self._seen[key] or self._planned.get(key) == due_at:
                continue
            wanted = (schedule.report.name, schedule.period_of(due_at).name, target)
            await self._database.write(
                reports.plan, [wanted], due_at=due_at, now=self._database.now()
            )
            self._planned[key] = due_at

    async def _pause_s(self) -> float:
        """Until something is due, or is to be tried again."""
        try:
            waiting = await self._database.read(reports.next_attempt_at)
        except StorageError:
            return LONGEST_SLEEP_S / 4
        now = self._clock.now()
        due = [schedule.next_due(now + timedelta(microseconds=1)) for schedule, _ in self._due]
        left = [at - now for at in due]
        if waiting is not None:
            left.append(waiting - self._database.now())
        left_s = min((each.total_seconds() for each in left), default=LONGEST_SLEEP_S)
        return min(max(left_s, SHORTEST_SLEEP_S), LONGEST_SLEEP_S)
