"""Jobs at set times: each due run happens once, on whichever replica gets there first.

A job's times are reckoned by `bot.wall_clock` with APScheduler's cron expressions; that a run happens
once is a row in the database, which its own job stores can't promise for several processes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.vocabulary import Clock
from bot.wall_clock import Times
from storage import schedules
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

LONGEST_SLEEP_S = 60.0
"""So that a step of the wall clock, or a machine that slept, delays a job by no more than this."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do at the times of a trigger. `deadline_s` bounds one run."""

    name: str
    trigger: Times
    work: Callable[[datetime], Awaitable[None]]
    """Called with the time at which the run was due."""
    deadline_s: float


class Scheduler:
    """Runs jobs when they are due. A run missed while no replica was alive is not made up for here."""

    def __init__(
        self, *, database: Database, clock: Clock, owner: str, jobs: Iterable[Job] = ()
    ) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._jobs = [*jobs]

    def add(self, job: Job) -> None:
        """Schedule a job; before `run`."""
        self._jobs.append(job)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is scheduled."""
        return tuple(self._jobs)

    async def run(self) -> None:
        """Run every job at its times until cancelled."""
        async with asyncio.TaskGroup() as group:
            for job in self._jobs:
                group.create_task(self._run_forever(job), name=f"job {job.name}")

    async def _run_forever(self, job: Job) -> None:
        last = self._clock.now()
        while (due_at := job.trigger.get_next_fire_time(None, last)) is not None:
            await self._sleep_until(due_at)
            await self._run_once(job, due_at)
            last = max(self._clock.now(), due_at) + timedelta(microseconds=1)

    async def _sleep_until(self, due_at: datetime) -> None:
        while (left_s := (due_at - self._clock.now()).total_seconds()) > 0:
            await self._clock.sleep(min(left_s, LONGEST_SLEEP_S))

    async def _run_once(self, job: Job, due_at: datetime) -> None:
        try:
            if not await self._database.write(
                schedules.start, job.name, due_at, owner=self._owner, now=self._database.now()
            ):
                return
            outcome = await self._outcome(job, due_at)
            await self._database.write(
                schedules.finish, job.name, due_at, outcome=outcome, now=self._database.now()
            )
        except StorageError as error:
            log.error("a scheduled job could not run", job=job.name, error=str(error))

    async def _outcome(self, job: Job, due_at: datetime) -> str:
        try:
            async with asyncio.timeout(job.deadline_s):
                await job.work(due_at)
        except Exception as error:
            log.exception("a scheduled job failed", job=job.name)
            return type(error).__name__
        return "done"
