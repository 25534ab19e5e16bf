"""Heartbeats and commits at once: each locks what it needs in the same order, so none waits for ever."""

import asyncio
import re
from datetime import datetime

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.vocabulary import Closing, EntryStatus, SystemClock, TurnOutcome, Usage
from storage import ledger, turns, usage_sums
from storage.database import Database
from storage.turns import Answered, Work
from tests.storage_kit import LEASE_S, T0, at, put, request, said, take, thread

TURNS = 12


async def test_a_heartbeat_locks_in_the_order_of_a_commit(database: Database) -> None:
    """Both lock the threads first and the ledger after them, or PostgreSQL would end one as deadlocked."""
    statements: list[str] = []
    engine = getattr(database._backend, "_engine", None)
    if not isinstance(engine, AsyncEngine):
        return  # on SQLite one writer runs at a time, and nothing can cross

    def note(_: object, __: object, statement: str, *___: object) -> None:
        found = re.match(r"\s*UPDATE (thread|ledger)\b", statement)
        if found is not None:
            statements.append(found[1])

    works = await _begun(database)
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    await _beat(database, works, at(1))
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert statements == ["thread", "ledger"]


async def test_heartbeats_and_commits_do_not_get_in_each_others_way(database: Database) -> None:
    """With a heartbeat after the other, every commit of many turns goes through, and the sums agree."""
    works = await _begun(database)
    done = asyncio.Event()

    async def beat() -> None:
        while not done.is_set():
            await _beat(database, works, at(1))
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    try:
        await asyncio.gather(*(_commit(database, work) for work in works))
    finally:
        done.set()
        await beating
    total = await database.read(usage_sums.total, since=None, until=None)
    assert (total.requests, total.cost_nanousd) == (TURNS, TURNS * 56)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_no_more_connections_are_made_than_were_allowed(ready_url: str) -> None:
    """Whatever else wants one waits for its turn."""
    database = Database(ready_url, clock=SystemClock(), connections=2)
    held = await asyncio.gather(*(database.write(_connection_held) for _ in range(12)))
    assert len(set(held)) == 2
    await database.close()


def _connection_held(connection: Connection) -> int:
    connection.execute(text("SELECT pg_sleep(0.01)"))
    pid: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return pid


async def _begun(database: Database) -> list[Work]:
    for number in range(TURNS):
        await put(database, said(where=thread(f"t{number}")))
    works = await take(database)
    for work in works:
        await database.write(ledger.open_entry, f"e-{work.turn.id}", request(), claims=(), now=T0)
    return works


async def _beat(database: Database, works: list[Work], now: datetime) -> None:
    await database.write(
        turns.keep,
        owner="r1",
        held=[work.held.fence for work in works],
        running=[(f"e-{work.turn.id}", Usage(input_tokens=1)) for work in works],
        now=now,
        lease_s=LEASE_S,
    )


async def _commit(database: Database, work: Work) -> None:
    usage = Usage(input_tokens=3, output_tokens=5)
    closing = Closing(f"e-{work.turn.id}", usage, EntryStatus.COMPLETED, 56)
    answered = Answered(TurnOutcome.ANSWERED, "yes", entry=closing)
    await database.write(turns.commit, work, answered, revision=None, now=at(2))
