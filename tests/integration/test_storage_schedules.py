"""Scheduled runs: whatever asks for a run, and how often, it is started once."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot.vocabulary import SystemClock
from storage import schedules
from storage.database import Database
from tests.storage_kit import T0, at

RETENTION = "retention"


async def _start(
    database: Database, due_at: datetime = T0, *, name: str = RETENTION, owner: str = "r1"
) -> bool:
    return await database.write(schedules.start, name, due_at, owner=owner, now=at(1))


async def _runs(database: Database) -> list[Any]:
    def read(connection: Connection) -> list[Any]:
        by_time = (schedules.runs.c.due_at, schedules.runs.c.name)
        return list(connection.execute(select(schedules.runs).order_by(*by_time)))

    return await database.read(read)


async def test_a_run_belongs_to_the_first_who_starts_it(database: Database) -> None:
    """Nobody else gets it, not even the one who has it."""
    assert await _start(database, owner="r1")
    assert not await _start(database, owner="r2")
    assert not await _start(database, owner="r1")
    (run,) = await _runs(database)
    assert (run.name, run.due_at, run.owner, run.started_at) == (RETENTION, T0, "r1", at(1))


async def test_each_time_and_each_job_is_a_run_of_its_own(database: Database) -> None:
    """The next time, and another job at the same time, are started by whoever comes."""
    assert await _start(database)
    assert await _start(database, at(3600), owner="r2")
    assert await _start(database, name="digest", owner="r2")
    assert len(await _runs(database)) == 3


async def test_of_many_at_once_one_runs_it(ready_url: str) -> None:
    """Two replicas ask twenty times for each of three runs: every run is claimed exactly once."""
    replicas = [Database(ready_url, clock=SystemClock()) for _ in range(2)]
    dues = [at(3600 * number) for number in range(3)]
    try:
        asked = [
            (due_at, _start(replicas[number % 2], due_at, owner=f"r{number}"))
            for number in range(20)
            for due_at in dues
        ]
        claimed = await asyncio.gather(*(start for _, start in asked))
        won = [due_at for (due_at, _), mine in zip(asked, claimed, strict=True) if mine]
        assert sorted(won) == dues
        assert [run.due_at for run in await _runs(replicas[0])] == dues
    finally:
        await asyncio.gather(*(replica.close() for replica in replicas))


async def test_a_run_is_the_same_in_every_time_zone(database: Database) -> None:
    """Replicas may be set to different zones; what counts is the instant."""
    tokyo = timezone(timedelta(hours=9))
    assert await _start(database, T0.astimezone(tokyo))
    assert not await _start(database, T0)
    assert await database.read(schedules.last_due, RETENTION) == T0


async def test_an_hour_that_comes_twice_has_two_runs(database: Database) -> None:
    """When clocks are set back, the same wall-clock time is two instants and two runs."""
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 7, tzinfo=berlin, fold=0)
    again = first.replace(fold=1)
    assert await _start(database, first)
    assert await _start(database, again)
    assert await database.read(schedules.last_due, RETENTION) == datetime(
        2026, 10, 25, 1, 7, tzinfo=UTC
    )


async def test_how_a_run_ended_is_known(database: Database) -> None:
    """Its outcome and its end are those of that run alone; it is not started again."""
    for due_at, outcome in ((T0, "TimeoutError"), (at(3600), "done")):
        await _start(database, due_at)
        await database.write(
            schedules.finish, RETENTION, due_at, outcome=outcome, now=due_at + timedelta(minutes=1)
        )
        assert not await _start(database, due_at)
    await _start(database, at(7200))
    assert [(run.outcome, run.finished_at) for run in await _runs(database)] == [
        ("TimeoutError", at(60)),
        ("done", at(3660)),
        (None, None),
    ]


async def test_the_newest_run_is_known_for_each_job(database: Database) -> None:
    """The latest due time that anybody started, in whatever order; none for a job that never ran."""
    await _start(database, at(3600))
    await _start(database, T0)
    await _start(database, at(7200), name="digest")
    assert await database.read(schedules.last_due, RETENTION) == at(3600)
    assert await database.read(schedules.last_due, "digest") == at(7200)
    assert await database.read(schedules.last_due, "never") is None
