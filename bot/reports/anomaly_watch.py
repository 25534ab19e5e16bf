"""Tells operators at once when today, or a channel today, costs far more than it usually does."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.money.amounts import readable
from bot.money.periods import around
from bot.reports.figures import FiguresReader
from bot.reports.names import NameFinder, Names
from bot.reports.operators import OperatorsChannel
from bot.scheduler import Job
from bot.vocabulary import Clock
from bot.wall_clock import WallClockTimes

EVERY_MINUTES = 10
DEADLINE_S = 120.0
REMEMBERED = timedelta(days=2)


class AnomalyWatch:
    """Compares today, as far as it has gone, with the days before. Each thing is told once a day."""

    def __init__(
        self,
        *,
        figures: FiguresReader,
        names: NameFinder,
        operators: OperatorsChannel,
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._figures = figures
        self._names = names
        self._operators = operators
        self._clock = clock
        self._zone = zone

    def job(self) -> Job:
        """The job that looks, every few minutes."""
        times = WallClockTimes(self._zone, minute=f"*/{EVERY_MINUTES}")
        return Job("anomalies", times, self.look, DEADLINE_S)

    async def look(self, due_at: datetime) -> None:
        """Look at the day that `due_at` is in."""
        today = around(due_at.astimezone(self._zone).date(), "day", self._zone)
        figures = await self._figures.read("day", today, now=max(due_at, self._clock.now()))
        until = today.until + REMEMBERED
        for day in figures.unusual_days:
            await self._operators.tell(
                f"Today has cost {readable(day.cost.cost_nanousd)} so far, "
                f"{day.cost.times:.1f} times a usual day.",
                key=f"anomaly {today.name}",
                until=until,
            )
        keys = [each.channel_key for each in figures.unusual_channels]
        names = Names(channels=await self._names.channels(keys))
        for channel in figures.unusual_channels:
            await self._operators.tell(
                f"{names.channel(channel.channel_key)} has cost "
                f"{readable(channel.cost.cost_nanousd)} today so far, "
                f"{channel.cost.times:.1f} times its usual day.",
                key=f"anomaly {today.name} {channel.channel_key}",
                until=until,
            )
