"""Stored messages: a turn costs the same with a thousand of them as with a million."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from sqlalchemy import Connection, text

from bot.vocabulary import SystemClock
from storage.database import Database
from tests.bench.answers import ANSWER_WORDS, words
from tests.bench.bench import Bench
from tests.bench.figures import Table, ms, significant
from tests.bench.house import House, house
from tests.simulators import WarmClaude

TURNS = 100
ROUNDS = 3
MESSAGES_A_THREAD = 10

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"

_ROWS = {
    "thread": (
        (
            "key, platform, channel_key, payload, epoch, revision, stop_requested, attempts, "
            "last_message_id, last_message_at, bot_spoke, speakers, window_start, context_tokens"
        ),
        "'old:w:c:' || i, 'old', 'old:w:c', '{{}}', 1, 0, false, 0, 'm', {now}, true, '[]', 0, 900",
    ),
    "turn": (
        (
            "id, thread_key, channel_key, workspace_key, person_key, status, outcome, opened_at, "
            "reply_ids, deliveries"
        ),
        (
            "'old' || i, 'old:w:c:' || (i / 5), 'old:w:c', 'old:w', 'old:w:u', 'delivered', 'answered', "
            "{now}, '[]', 0"
        ),
    ),
    "inbox": (
        "message_key, thread_key, payload, received_at, done_at, turn_id",
        "'old:w:c:m' || i, 'old:w:c:' || (i / 5), '{{}}', {now}, {now}, 'old' || i",
    ),
    "ledger": (
        (
            "id, opened_at, closed_at, status, purpose, model, turn_id, channel_key, input_tokens, "
            "output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, "
            "cost_nanousd, held_nanousd, expected_input_tokens, budgets"
        ),
        (
            "'old' || i, {now}, {now}, 'completed', 'answer', 'claude-sonnet-5-5', 'old' || i, 'old:w:c', "
            "100, 200, 700, 0, 0, 2300000, 0, 900, '[]'"
        ),
    ),
    "message": (
        "thread_key, turn_id, role, content, tokens, created_at",
        (
            "'old:w:c:' || (i / 10), 'old' || (i / 2), 'user', '[{{\"type\":\"text\",\"text\":\"' || i || "
            "' a message of ordinary length, as people write them in chats\"}}]', 20, {now}"
        ),
    ),
}
"""For each table its columns and the values of row `i`; five turns and ten messages a thread."""

_SHARE = {"thread": 10, "turn": 2, "inbox": 2, "ledger": 2, "message": 1}


async def measure(bench: Bench) -> Sequence[Table]:
    """Turns before and after the flood, in one process each."""
    few, many = bench.of((1_000, 1_000_000), (100, 1_000))
    async with WarmClaude() as claude:
        await claude.reply_always(words(ANSWER_WORDS))
        rows = [await _row(bench, claude, engine, few, many) for engine in bench.engines]
    return [
        Table(
            title=f"A turn with {few:,} and with {many:,} stored messages",
            note=f"One thread at a time, {TURNS} turns, median of {ROUNDS} rounds.",
            columns=(
                "database",
                f"turn ms, {few:,}",
                f"turn ms, {many:,}",
                "ratio",
                f"CPU ms, {few:,}",
                f"CPU ms, {many:,}",
                "ratio ",
            ),
            rows=rows,
        )
    ]


async def _row(bench: Bench, claude: WarmClaude, engine: str, few: int, many: int) -> list[str]:
    with bench.database(engine) as url:
        async with house(
            database_url=url, claude_url=claude.base_url, directory=bench.directory
        ) as place:
            await _flood(url, 1, few)
            await place.converse(4)
            wall_few, cpu_few = await _turns(bench, place)
            await _flood(url, few + 1, many)
            wall_many, cpu_many = await _turns(bench, place)
    return [
        engine,
        ms(wall_few),
        ms(wall_many),
        significant(wall_many / wall_few),
        ms(cpu_few),
        ms(cpu_many),
        significant(cpu_many / cpu_few),
    ]


async def _turns(bench: Bench, place: House) -> tuple[float, float]:
    """Seconds a turn takes, and the processor time in it."""
    turns = bench.of(TURNS, 4)
    walls, cpus = [], []
    for _ in range(ROUNDS):
        cpu = time.process_time()
        seen = await place.converse(turns)
        cpus.append((time.process_time() - cpu) / turns)
        walls.append(statistics.median(each.final_s for each in seen))
    return statistics.median(walls), statistics.median(cpus)


async def _flood(url: str, first: int, last: int) -> None:
    """Store rows as if so many messages had been said long ago."""
    database = Database(url, clock=SystemClock())
    try:
        for name in _ROWS:
            share = _SHARE[name]
            await database.maintain(_insert, name, first // share + 1, max(1, last // share))
        await database.maintain(_analyse)
    finally:
        await database.close()
    await asyncio.sleep(0)


def _insert(connection: Connection, name: str, first: int, last: int) -> None:
    if first > last:
        return
    columns, values = _ROWS[name]
    postgres = connection.dialect.name == "postgresql"
    now = "'2026-11-01 00:00:00.000000'" + ("::timestamptz" if postgres else "")
    numbers = _NUMBERS.format(first=first, last=last)
    rows = values.format(now=now)
    # Names and values are this module's own; bound parameters have no place in a list of columns.
    sql = f"{numbers} INSERT INTO {name}({columns}) SELECT {rows} FROM n"  # noqa: S608 - see above
    connection.execute(text(sql.replace(":", r"\:")))


def _analyse(connection: Connection) -> None:
    connection.execute(text("ANALYZE"))
