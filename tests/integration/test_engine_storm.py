"""Everything at once: tools, budgets, fallbacks, cached answers; faults of Claude, of the platform and of
plugins; edits, deletions, stops and restarts. In the end everybody has one reply, and the books agree."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.ports import PlatformBusy, PlatformUnavailable
from bot.vocabulary import Message
from sandbox.claude import Fault, Pace, Reply
from sandbox.claude.script import ToolCall
from storage import integrity
from storage.tables import BudgetRow, InboxRow, LedgerRow, RateSlotRow, TurnRow
from storage.upsert import table
from tests.engine_rig import Rig, engine
from tests.support import wait_until

SETTINGS = """
[claude]
turn_deadline_s = 30
max_attempts = 2
outage_patience_s = 60
max_concurrency = 6
[limits]
channel_messages = 40
channel_per_s = 2
[engine]
lease_s = 3
heartbeat_s = 0.3
poll_s = 0.1
shutdown_s = 0.3
database_connections = 10
[plugin_host]
folder = "{folder}"
[[budgets]]
scope = "channel"
period = "day"
limit_usd = {limit_usd}
[[budgets]]
scope = "user"
period = "month"
limit_usd = 50.0
"""
PLUGIN = '''
"""Dice that are not always to be had."""

from bot.plugins import Context, Plugin, Told

plugin = Plugin("dice", api=1)


@plugin.tool(timeout_s=0.5)
async def throw(_ctx: Context, number: int) -> int:
    """Throw a die."""
    if number % 3 == 0:
        raise Told("The die fell off the table.")
    if number % 5 == 0:
        raise RuntimeError("internals")
    return number % 6 + 1
'''
OF_CLAUDE = (
    Fault.of_status(529),
    Fault.of_status(500),
    Fault.of_status(429, retry_after="0"),
    Fault.drop(),
    Fault.drop(reset=True),
    Fault.cut(3),
    Fault.end_early(2),
    Fault.stream_error("overloaded_error", 4),
    Fault.truncated_json(1),
    Fault.not_json(),
    Fault.html(),
)
HAPPENINGS = 40
THREADS = 10
CALM_S = 60.0
OVER = ("delivered", "parked")


@pytest.mark.parametrize(("seed", "limit_usd"), [(1, 50.0), (2, 0.4)], ids=["ample", "scarce"])
async def test_after_a_storm_everybody_has_one_reply(
    ready_url: str, tmp_path: Path, seed: int, limit_usd: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits, nothing is open or set aside, no reply stands twice, and the ledger is the bill."""
    monkeypatch.setattr("bot.engine.endings.FIRST_RETRY_S", 0.3)
    monkeypatch.setattr("bot.engine.delivery.FIRST_REDELIVERY_S", 0.2)
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "dice.py").write_text(PLUGIN)
    dice = random.Random(seed)  # noqa: S311 - the same storm at every run, no secret
    config = SETTINGS.format(folder=folder, limit_usd=limit_usd)
    async with engine(ready_url, config, idempotent=False) as rig:
        rig.claude.script.always(lambda asked: _said(asked, dice))
        if not ready_url.startswith("sqlite"):
            rig.start()
        said: list[Message] = []
        for number in range(HAPPENINGS):
            await _happen(rig, dice, number, said)
            await asyncio.sleep(dice.uniform(0, 0.04))  # the storm's pace, not a wait for anything
        rig.platform.recover()
        rig.claude.faults.clear()
        await wait_until(
            lambda: rig.platform.acknowledged == len(rig.platform.events),
            CALM_S,
            what="all taken in",
        )
        await wait_until(lambda: rig._seen(_at_rest), CALM_S, what="rest")
        await _is_well(rig)


async def _happen(rig: Rig, dice: random.Random, number: int, said: list[Message]) -> None:
    """Somebody says something, and perhaps something goes wrong."""
    thread = rig.thread(f"t{dice.randrange(THREADS)}", channel=f"c{dice.randrange(2)}")
    said.append(rig.say(f"Throw {number % 20}", thread=thread))
    if dice.random() < 0.25:
        rig.claude.fail_next(dice.choice(OF_CLAUDE))
    if dice.random() < 0.15:
        verb: Any = dice.choice(("post", "edit", "find", "delete", "introduce", "said_before"))
        if dice.random() < 0.5:
            rig.platform.fail(verb, PlatformBusy("slow down", retry_after_s=0.1))
        else:
            rig.platform.fail(verb, PlatformUnavailable("no answer"), acted=dice.random() < 0.5)
    match dice.randrange(12):
        case 0:
            rig.platform.change(dice.choice(said), f"Throw {number % 20}, rather")
        case 1:
            rig.platform.take_back(dice.choice(said))
        case 2:
            rig.platform.stop(dice.choice(said).thread, said[-1].author)
        case 3 if dice.random() < 0.3:
            await rig.replicas.pop(0).stop()
            rig.start()


def _said(asked: Any, dice: random.Random) -> Reply:
    pace = Pace(tokens_per_chunk=3, first_token_s=0.01, tokens_per_s=2000)
    question = asked.question
    offered = any(tool["name"] == "dice__throw" for tool in asked.tools)
    if offered and not asked.tool_results and dice.random() < 0.3:
        call = ToolCall("dice__throw", {"number": dice.randrange(30)})
        return Reply("Let me see.", tool_calls=(call,), pace=pace)
    return Reply(f"About {question}: " + "word " * dice.randrange(1, 200), pace=pace)


async def _is_well(rig: Rig) -> None:
    await wait_until(lambda: _agrees_with_itself(rig), what="a database that agrees with itself")
    found = await rig.database.read(_everything)
    assert Counter(row.status for row in found["ledger"])["open"] == 0
    assert {row.status for row in found["turn"]} <= set(OVER)
    assert all(row.held_nanousd == 0 for row in found["budget"])
    assert all(row.started for row in found["slot"])
    assert _counted(found["budget"]) == _owed(found["ledger"])
    for channel in ("c0", "c1"):
        for number in range(THREADS):
            marks = Counter(
                each.mark for each in rig.shown(rig.thread(f"t{number}", channel=channel))
            )
            assert set(marks.values()) <= {1}, marks
    bill = {row.request_id: row.cost_nanousd for row in rig.claude.bill().rows}
    for row in found["ledger"]:
        if row.status == "completed":
            assert row.cost_nanousd == bill.pop(row.request_id)
    _are_complete(rig, found["turn"])


async def _agrees_with_itself(rig: Rig) -> bool:
    """An answer that was broken off is booked by itself, perhaps a moment after its turn has ended."""
    return not await rig.database.read(integrity.problems, now=rig.database.now())


def _are_complete(rig: Rig, turns: list[Any]) -> None:
    """What is shown of each turn is its committed answer, and nothing of one that has none."""
    shown: dict[str, list[str]] = {}
    for posted in rig.platform.posted.values():
        if not posted.deleted and posted.notice_for is None:
            shown.setdefault(posted.mark.rpartition(".")[0], []).append(posted.text)
    for turn in turns:
        if turn.status == "delivered":
            assert "".join(shown.pop(turn.id, [])) == (turn.answer or ""), turn.outcome


def _counted(budgets: list[Any]) -> int:
    return sum(int(row.spent_nanousd) for row in budgets if row.key.startswith("channel"))


def _owed(entries: list[Any]) -> int:
    return sum(int(row.cost_nanousd or 0) for row in entries)


def _at_rest(connection: Connection) -> bool:
    inbox, turns = table(InboxRow), table(TurnRow)
    waiting = connection.execute(select(inbox.c.id).where(inbox.c.done_at.is_(None)).limit(1))
    unfinished = connection.execute(select(turns.c.id).where(turns.c.status.not_in(OVER)).limit(1))
    return waiting.first() is None and unfinished.first() is None


def _everything(connection: Connection) -> dict[str, list[Any]]:
    tables = {
        "ledger": table(LedgerRow),
        "turn": table(TurnRow),
        "budget": table(BudgetRow),
        "slot": table(RateSlotRow),
    }
    return {name: list(connection.execute(rows.select())) for name, rows in tables.items()}
