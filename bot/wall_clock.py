"""Times of day in a time zone, on the days when its clocks are changed too."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from apscheduler.triggers.cron import CronTrigger


class Times(Protocol):
    """When something is due; APScheduler's triggers are such."""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """The first time that is not before `now`; None if there is none any more."""


class WallClockTimes(Times):
    """The times that a cron expression names on the wall clocks of a zone.

    A time that comes twice is meant the first time. One that is left out comes when clocks that were
    not changed would show it. (APScheduler's own trigger names the second of two times again and again,
    and leaves out a time just after midnight on the day after the clocks went forward.)
    """

    def __init__(self, zone: tzinfo, **fields: int | str) -> None:
        """`fields` are those of APScheduler's CronTrigger: `day_of_week`, `hour`, `minute` …"""
        self._zone = zone
        self._cron = CronTrigger(timezone=UTC, **fields)  # it reckons with clocks never changed

    def get_next_fire_time(self, _: datetime | None, now: datetime) -> datetime | None:
        """The first such time that is not before `now`, UTC."""
        wall = now.astimezone(self._zone).replace(tzinfo=UTC, fold=0)
        while (wall := self._cron.get_next_fire_time(None, wall)) is not None:
            due_at: datetime = wall.replace(tzinfo=self._zone).astimezone(UTC)
            if due_at >= now:
                return due_at
            wall += timedelta(microseconds=1)
        return None
