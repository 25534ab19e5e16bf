"""When a report is due, and for which period."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.money.periods import Period, around, before
from bot.wall_clock import WallClockTimes
from config.reports import ReportSettings

_LOOK_BACK = {"day": timedelta(days=3), "week": timedelta(days=9), "month": timedelta(days=40)}
"""Longer than the longest time between two runs, days of changed clocks included."""


class ReportSchedule:
    """The times of one report, on the wall clocks of its zone."""

    def __init__(self, report: ReportSettings, *, operators: ZoneInfo) -> None:
        self.report = report
        self.zone = report.zone(operators)
        self._times = WallClockTimes(self.zone, **_fields(report))

    def next_due(self, now: datetime) -> datetime:
        """The first time that is not before `now`."""
        due_at = self._times.get_next_fire_time(None, now)
        assert due_at is not None, "a report is due again and again"
        return due_at

    def last_due(self, now: datetime) -> datetime:
        """The last time that is not after `now`."""
        due_at = self.next_due(now - _LOOK_BACK[self.report.period])
        while (following := self.next_due(due_at + timedelta(microseconds=1))) <= now:
            due_at = following
        return due_at

    def period_of(self, due_at: datetime) -> Period:
        """The last whole day, week or month before a run."""
        kind = self.report.period
        return before(around(due_at.astimezone(self.zone).date(), kind, self.zone), kind)

    def key(self, destination: str) -> str:
        """What is remembered of it for a destination: one that changes is due at its new times alone."""
        report = self.report
        times = f"{report.period} {report.day} {report.time.isoformat()} {self.zone.key}"
        return f"{report.name}|{destination}|{times}"


def _fields(report: ReportSettings) -> dict[str, int | str]:
    """Its times as APScheduler's cron fields; weekdays by name, for their numbers are not crontab's."""
    fields: dict[str, int | str] = {
        "hour": report.time.hour,
        "minute": report.time.minute,
        "second": report.time.second,
    }
    if report.period == "week":
        fields["day_of_week"] = str(report.day)
    elif report.period == "month":
        fields["day"] = int(str(report.day))
    return fields
