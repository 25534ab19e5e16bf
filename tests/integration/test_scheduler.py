"""Scheduled jobs: at their times, once however many replicas there are, and whatever goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select
from structlog.testing import capture_logs

from bot.scheduler import LONGEST_SLEEP_S, Job, Scheduler
from bot.vocabulary import ManualClock
from bot.wall_clock import Times, WallClockTimes
from storage.database import Database
from storage.migrations.ready import ready_sqlite
from storage.tables import ScheduleRow
from storage.upsert import table
from tests.support import wait_until

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOURLY = WallClockTimes(UTC, minute=0)


class Wall(ManualClock):
    """A clock by which a test knows who waits, and whose wall clock can be set."""

    def __init__(self, start: datetime = NINE + timedelta(minutes=1)) -> None:
        super().__init__(start)
        self._set_by = timedelta()

    def now(self) -> datetime:
        """What it shows."""
        return super().now() + self._set_by

    def put_forward(self, by: timedelta) -> None:
        """Somebody sets it, or the machine slept; nobody is woken by that."""
        self._set_by += by

    async def until(self, instant: datetime) -> None:
        """Let time pass until then."""
        await self.advance((instant - self.now()).total_seconds())

    async def asleep(self, waiting: int = 1) -> None:
        """Return once so many wait for their time."""
        await wait_until(lambda: len(self._sleepers) == waiting, what=f"{waiting} asleep")


def job(
    work: Callable[[datetime], Awaitable[None]],
    *,
    name: str = "report",
    times: Times = HOURLY,
    deadline_s: float = 60.0,
) -> Job:
    """A job, hourly unless said otherwise."""
    return Job(name, times, work, deadline_s)


@asynccontextmanager
async def replica(url: str, clock: Wall, *jobs: Job, owner: str = "r1") -> AsyncIterator[None]:
    """A process that runs the jobs, asleep until the first of them is due."""
    database = Database(url, clock=clock)
    scheduler = Scheduler(database=database, clock=clock, owner=owner)
    for each in jobs:
        scheduler.add(each)
    before = len(clock._sleepers)
    running = asyncio.create_task(scheduler.run())
    await clock.asleep(before + len(jobs))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()


class Diary:
    """A job's work: it writes down when it was due."""

    def __init__(self) -> None:
        self.due: list[datetime] = []

    async def __call__(self, due_at: datetime) -> None:
        """Write it down."""
        self.due.append(due_at)


async def outcomes(url: str) -> list[str | None]:
    """How the runs ended, by the times at which they were due."""
    database = Database(url, clock=ManualClock())
    try:
        return await database.read(_outcomes)
    finally:
        await database.close()


def _outcomes(connection: Connection) -> list[Any]:
    runs = table(ScheduleRow)
    return list(connection.execute(select(runs.c.outcome).order_by(runs.c.due_at)).scalars())


def hours(*numbers: int) -> list[datetime]:
    """Full hours of the day."""
    return [NINE.replace(hour=number) for number in numbers]


async def test_a_job_runs_at_its_times_and_not_before(ready_url: str) -> None:
    """At every full hour, each time told which one it is."""
    clock, diary = Wall(), Diary()
    async with replica(ready_url, clock, job(diary)):
        await clock.until(NINE + timedelta(minutes=59, seconds=59))
        assert diary.due == []
        for hour in hours(10, 11, 12):
            await clock.until(hour)
            await clock.asleep()
        assert diary.due == hours(10, 11, 12)
    assert await outcomes(ready_url) == ["done"] * 3


async def test_of_several_replicas_one_runs_it(ready_url: str) -> None:
    """Each due run happens exactly once, on whichever gets there first."""
    clock, diary = Wall(), Diary()
    async with (
        replica(ready_url, clock, job(diary), owner="r1"),
        replica(ready_url, clock, job(diary), owner="r2"),
        replica(ready_url, clock, job(diary), owner="r3"),
    ):
        for hour in hours(10, 11, 12):
            await clock.until(hour)
            await clock.asleep(3)
    assert diary.due == hours(10, 11, 12)


async def test_another_replica_goes_on(ready_url: str) -> None:
    """When the one that ran it last is gone, the next run is the other's."""
    clock, diary = Wall(), Diary()
    async with replica(ready_url, clock, job(diary), owner="r1"):
        async with replica(ready_url, clock, job(Diary()), owner="r2"):
            pass
        await clock.until(NINE.replace(hour=10))
        await wait_until(lambda: diary.due == hours(10))


async def test_a_job_that_fails_is_logged_and_runs_next_time(ready_url: str) -> None:
    """The failure stands in the log and in the books, and the next hour is a new chance."""
    clock, diary = Wall(), Diary()

    async def fails_at_ten(due_at: datetime) -> None:
        if due_at.hour == 10:
            raise RuntimeError("no paper")
        await diary(due_at)

    with capture_logs() as logged:
        async with replica(ready_url, clock, job(fails_at_ten)):
            for hour in hours(10, 11):
                await clock.until(hour)
                await clock.asleep()
    assert diary.due == hours(11)
    assert await outcomes(ready_url) == ["RuntimeError", "done"]
    (failure,) = [line for line in logged if line["log_level"] == "error"]
    assert (failure["event"], failure["job"]) == ("a scheduled job failed", "report")


async def test_a_job_that_hangs_is_ended_and_holds_up_no_other(ready_url: str) -> None:
    """Each run has a deadline; other jobs have their own times meanwhile."""
    clock, diary = Wall(), Diary()

    async def hangs(_: datetime) -> None:
        await asyncio.Event().wait()

    async with replica(
        ready_url, clock, job(hangs, name="hanging", deadline_s=0.3), job(diary, name="other")
    ):
        await clock.until(NINE.replace(hour=10))
        await wait_until(lambda: diary.due == hours(10), what="the other job")
        await clock.asleep(2)
    assert sorted(str(outcome) for outcome in await outcomes(ready_url)) == ["TimeoutError", "done"]


async def test_what_was_due_while_nobody_ran_is_left_out(ready_url: str) -> None:
    """Whoever starts at noon begins with the next hour."""
    clock, diary = Wall(NINE.replace(hour=12, minute=30)), Diary()
    async with replica(ready_url, clock, job(diary)):
        await clock.until(NINE.replace(hour=13))
        await clock.asleep()
    assert diary.due == hours(13)


async def test_a_machine_that_slept_is_late_by_a_minute_at_most(ready_url: str) -> None:
    """The wall clock jumps past the time: the job runs soon after, once."""
    clock, diary = Wall(), Diary()
    async with replica(ready_url, clock, job(diary)):
        clock.put_forward(timedelta(hours=4))
        await clock.advance(LONGEST_SLEEP_S)
        await clock.asleep()
        assert diary.due == hours(10)
        await clock.until(NINE.replace(hour=14))
        await clock.asleep()
    assert diary.due == hours(10, 14)


async def test_the_night_in_which_an_hour_comes_twice(ready_url: str) -> None:
    """The job runs once at each time that clocks show, and sleeps in between."""
    zone = ZoneInfo("Europe/Berlin")
    clock, diary = Wall(datetime(2026, 10, 24, 23, 45, tzinfo=UTC)), Diary()
    times = WallClockTimes(zone, minute=30)
    async with replica(ready_url, clock, job(diary, times=times)):
        for _ in range(5):
            await clock.advance(3600)
            await clock.asleep()
    shown = [due_at.astimezone(zone).strftime("%H:%M") for due_at in diary.due]
    assert shown == ["02:30", "03:30", "04:30", "05:30"]


async def test_a_run_that_the_database_misses_does_not_end_the_job(tmp_path: Path) -> None:
    """With the database away nobody knows whose run it is, so it is left out, and that is logged."""
    file = tmp_path / "parley.db"
    url = ready_sqlite(file)
    clock, diary = Wall(), Diary()
    with capture_logs() as logged:
        async with replica(url, clock, job(diary)):
            for hour in hours(10, 11, 12):
                away = hour.hour == 11
                if away:
                    file.rename(tmp_path / "elsewhere.db")
                await clock.until(hour)
                await clock.asleep()
                if away:
                    (tmp_path / "elsewhere.db").rename(file)
    assert diary.due == hours(10, 12)
    assert [line["job"] for line in logged if "could not run" in line["event"]] == ["report"]
