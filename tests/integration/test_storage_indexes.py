"""No query of a turn reads a whole table: what is quick with ten threads is quick with a million."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlmodel import SQLModel

from bot.reporting import put_together
from bot.vocabulary import Attachment, SystemClock, TurnOutcome
from config import Settings
from storage import answers, inbox, ledger, overview, rate_limits, threads, told, turns, usage_sums
from storage.database import Database
from storage.subjects import Subject
from storage.turns import Answered
from tests.engine_rig import engine
from tests.storage_kit import (
    CHANNEL,
    LEASE_S,
    T0,
    at,
    put,
    request,
    said,
    take,
    take_one,
    thread,
)
from tests.support import wait_until

BUDGETS = """
[[budgets]]
scope = "channel"
period = "month"
limit_usd = 5.0
[[budgets]]
scope = "global"
period = "day"
limit_usd = 5.0
"""
GIF = "GIF89a\x02\x00\x02\x00\x00\x00\x00;"

SMALL = {"report_seen"}
"""One row a report and destination: reading it as a whole costs the same whatever is stored."""

TABLES = {name: each for name, each in SQLModel.metadata.tables.items() if name not in SMALL}
SMALL_INDEXES = {
    index.name
    for each in TABLES.values()
    for index in each.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}
"""Those over what is unfinished alone: reading all of such an index is what it is for."""


@contextmanager
def heard_statements() -> Iterator[dict[str, Any]]:
    """Every different statement that any database runs meanwhile, with parameters it ran with."""
    heard: dict[str, Any] = {}

    def hear(_: Any, __: Any, sql: str, parameters: Any, ___: Any, many: bool) -> None:
        heard.setdefault(sql, parameters[0] if many else parameters)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def whole_reads(connection: Connection, sql: str, parameters: Any) -> list[str]:
    """The steps of the statement's plan that read a whole table or a whole index of one."""
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
        return [step.detail for step in plan if _scans(step.detail)]
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", parameters).scalar_one()
    (root,) = json.loads(plan) if isinstance(plan, str) else plan
    return [_named(node) for node in _nodes(root["Plan"]) if _reads_all(node)]


def _scans(detail: str) -> bool:
    """`SCAN thread` or `SCAN thread USING INDEX x`; a query's own small results may be scanned."""
    match detail.split():
        case ["SCAN", name, *_, index] if name in TABLES:
            return index not in SMALL_INDEXES
        case ["SCAN", name]:
            return name in TABLES
    return False


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _reads_all(node: dict[str, Any]) -> bool:
    kind = node["Node Type"]
    if kind == "Seq Scan":
        return node["Relation Name"] in TABLES
    by_index = kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
    return by_index and "Index Cond" not in node and node["Index Name"] not in SMALL_INDEXES


def _named(node: dict[str, Any]) -> str:
    return f"{node['Node Type']} of {node.get('Index Name') or node['Relation Name']}"


async def _of_whole_turns(url: str) -> dict[str, Any]:
    """What a service asks its database while it answers a question, its repetition and a follow-up."""
    with heard_statements() as heard:
        async with engine(url, BUDGETS) as rig:
            rig.claude.script.always("It is a cat.")
            rig.claude.hold(after_chunks=1)
            rig.say("What is this?", attachments=[Attachment("cat.gif", "image/gif", 14, GIF)])
            await rig.claude.wait_for_held()
            await wait_until(lambda: any("epoch) IN" in sql for sql in list(heard)), what="a beat")
            rig.claude.release()
            await rig.shows("cat")
            for name in ("other", "a third"):
                rig.say("Is it?", thread=rig.thread(name))
                await rig.shows("cat", rig.thread(name))
            rig.say("Why?")
            await wait_until(lambda: len(rig.replies()) == 2, what="the second reply")
            await rig.idle()
    return heard


async def _of_troubled_turns(database: Database) -> dict[str, Any]:
    """What is asked when a question is edited, deleted or stopped, its holder dies, its answer can't be
    shown, or an operator tries it again."""
    with heard_statements() as heard:
        await put(database, said(id="q1"))
        await put(database, said(id="q2"))
        await database.write(inbox.revise, CHANNEL, "q1", text="x", attachments=(), now=T0)
        await database.write(inbox.withdraw, CHANNEL, "q2", now=T0)
        work = await take_one(database)
        await database.write(
            ledger.open_entry, "e1", request(turn_id=work.turn.id), claims=(), now=T0
        )
        await database.write(threads.request_stop, thread().key, now=T0)
        await database.write(rate_limits.left_at, [(work.turn.id, T0)])
        work = await take_one(database, owner="r2", now=at(LEASE_S))
        failed = Answered(TurnOutcome.FAILED, "sorry")
        await database.write(turns.commit, work, failed, revision=None, now=T0)
        fence, turn_id = work.held.fence, work.turn.id
        await database.write(turns.undelivered, fence, turn_id, until=T0, now=T0)
        fence = (await take_one(database)).held.fence
        await database.write(turns.end, fence, turn_id, parked=True, detail="x", now=T0)
        await database.read(turns.parked, limit=9)
        await database.read(turns.last_answered, thread().key)
        await database.read(inbox.of_turn, turn_id)
        assert await database.write(turns.retry, turn_id, now=T0)
        await database.read(answers.same_question, "key", since=T0)
        await database.write(told.tell_once, "key", now=T0, until=at(1))
        await database.read(threads.recent, "slack", since=T0, limit=9)
    return heard


def _tables_in(sql: str) -> set[str]:
    return TABLES.keys() & set(re.findall(r"\w+", sql))


def _of_few_rows(sql: str) -> bool:
    """What jobs read beside the turns: the reports there are, and budgets' counters of present periods."""
    return "report_seen" in sql or "budget.ends_at >" in sql


async def _whole_reads(database: Database, heard: dict[str, Any]) -> dict[str, list[str]]:
    """What is read as a whole, by the statement that does it."""
    found = {
        sql: await database.write(whole_reads, sql, parameters)
        for sql, parameters in heard.items()
        if sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")) and _tables_in(sql)
    }
    return {sql: steps for sql, steps in found.items() if steps}


async def test_no_query_of_a_turn_reads_a_whole_table(ready_url: str, database: Database) -> None:
    """From a message's arrival to the end of its turn, heartbeats included, indexes serve them all."""
    heard = await _of_whole_turns(ready_url)
    assert set.union(*(_tables_in(sql) for sql in heard)) >= {
        *("inbox", "thread", "turn", "message", "attachment"),
        *("ledger", "budget", "rate_channel", "rate_slot", "answer", "plugin_value"),
    }
    of_turns = {sql: given for sql, given in heard.items() if not _of_few_rows(sql)}
    assert await _whole_reads(database, of_turns) == {}


async def test_no_query_of_a_troubled_turn_reads_a_whole_table(database: Database) -> None:
    """Edits, stops, dead replicas, failed deliveries and retries are served by indexes, too."""
    heard = await _of_troubled_turns(database)
    assert await _whole_reads(database, heard) == {}


async def test_no_heartbeat_of_many_turns_reads_a_whole_table(database: Database) -> None:
    """However many threads a replica holds, those alone are looked at when it renews their leases."""
    for name in ("1", "2", "3"):
        await put(database, said(where=thread(name)))
    held = [work.held.fence for work in await take(database)]
    with heard_statements() as heard:
        await database.write(
            turns.keep, owner=held[0].owner, held=held, running=(), now=T0, lease_s=LEASE_S
        )
    assert await _whole_reads(database, heard) == {}


async def test_no_query_of_the_dashboard_reads_a_whole_table(database: Database) -> None:
    """A page that is always open costs the same whatever is stored. Counters of budgets are few: one a
    subject in its present period."""
    with heard_statements() as heard:
        await database.read(overview.underway, limit=9)
        await database.read(overview.finished, since=T0, limit=9)
        await put(database, said(id="q1"))
        await take_one(database)
        assert await database.read(overview.way_of, f"{CHANNEL.key}:q1")
        await database.read(overview.last_runs, ["retention"])
        await database.read(usage_sums.report, ("model", "plugin"), since=T0, until=at(1))
        await database.read(turns.parked, limit=9)
    assert await _whole_reads(database, heard) == {}


async def test_no_query_of_a_report_reads_a_whole_table(database: Database) -> None:
    """A digest, what people are told of their usage, and who waits to be told are served by indexes."""
    with heard_statements() as heard:
        together = put_together(
            settings=Settings(), database=database, adapters={}, clock=SystemClock()
        )
        schedule = together.schedules["weekly"]
        await database.write(ledger.open_entry, "e1", request(), claims=(), now=at(-9 * 86_400))
        week = schedule.period_of(T0)
        await together.maker.digest(schedule.report, week, now=T0)
        for subject in (Subject("channel_key", CHANNEL.key), Subject("person_key", "slack:T1:U1")):
            await together.money.usage.used(week, subject)
        await together.sender.send_waiting()
    assert await _whole_reads(database, heard) == {}


async def test_a_query_without_an_index_is_noticed(database: Database) -> None:
    """What these tests look for can be found: a whole table, or a whole index read in its order."""
    slow = (
        "SELECT id FROM ledger WHERE request_id = 'req_1'",
        "SELECT * FROM turn ORDER BY opened_at",
        "UPDATE thread SET attempts = 0 WHERE owner = 'r1'",
        "DELETE FROM inbox WHERE received_at < '2026-01-01'",
    )
    assert list(await _whole_reads(database, dict.fromkeys(slow, ()))) == list(slow)
