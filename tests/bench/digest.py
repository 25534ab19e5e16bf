"""The weekly digest over a million ledger rows: how long it takes, and how long others wait for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, text

from bot.money.budget_rules import BudgetRules
from bot.money.periods import around
from bot.money.savings import Savings
from bot.reports.digest import drawing_of
from bot.reports.figures import Figures, FiguresReader
from bot.reports.picture import draw
from bot.vocabulary import SystemClock
from config import Settings
from storage.database import Database
from storage.migrations import upgrade
from tests.bench.bench import Bench
from tests.bench.figures import Table, ms

MONDAY = date(2026, 11, 16)
WEEKS = 9
"""The digest's week, and the eight with which it is compared."""

CHANNELS, PEOPLE = 200, 2000
ROUNDS = 3
NAP_S = 0.001

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"

_COLUMNS = (
    "id, opened_at, closed_at, status, purpose, model, turn_id, workspace_key, channel_key, person_key, "
    "direct, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, "
    "cache_write_1h_tokens, cost_nanousd, held_nanousd, expected_input_tokens, budgets, request_id"
)
_VALUES = (
    "'row' || i, {at}, {at}, 'completed', 'answer', "
    "CASE WHEN i % 5 = 0 THEN 'claude-haiku-5-5' ELSE 'claude-sonnet-5-5' END, 'turn' || i, 'slack:T1', "
    "'slack:T1:C' || ((i * 7) % {channels}), 'slack:T1:U' || ((i * 11) % {people}), false, "
    "100 + i % 400, 50 + i % 700, 2000, 300, 0, 3000000 + i % 1000000, 0, 3000, '[]', 'req' || i"
)
_TURN_COLUMNS = (
    "id, thread_key, channel_key, workspace_key, person_key, status, outcome, opened_at, first_text_at, "
    "reply_ids, deliveries"
)
_TURN_VALUES = (
    "'turn' || i, 'slack:T1:C1:' || i, 'slack:T1:C' || ((i * 7) % {channels}), 'slack:T1', "
    "'slack:T1:U' || ((i * 11) % {people}), 'delivered', "
    "CASE WHEN i % 100 = 0 THEN 'failed' ELSE 'answered' END, {at}, {text_at}, '[]', 0"
)


async def measure(bench: Bench) -> Sequence[Table]:
    """The figures, beside an event loop that is watched, and the picture."""
    rows = []
    count = bench.of(1_000_000, 2_000)
    for engine in bench.engines:
        for weeks in (WEEKS, 1):
            with bench.database(engine) as url:
                rows.append(await _row(engine, url, count, weeks))
    return [
        Table(
            title=f"A weekly digest over {count:,} ledger rows and as many turns",
            note=(
                f"{CHANNELS} channels and {PEOPLE} people; median of {ROUNDS}. The rows are spread over "
                f"the {WEEKS} weeks that a digest looks at, or are all of its own week. The loop's lag is "
                "the longest that a task which sleeps for 1 ms was late meanwhile."
            ),
            columns=(
                "database",
                "weeks",
                "figures ms",
                "CPU ms",
                "loop lag ms",
                "picture ms",
                "loop lag ms ",
            ),
            rows=rows,
        )
    ]


async def _row(engine: str, url: str, count: int, weeks: int) -> list[str]:
    settings = Settings()
    database = Database(url, clock=SystemClock())
    try:
        await database.maintain(upgrade)
        end = datetime.combine(MONDAY + timedelta(days=7), datetime.min.time(), tzinfo=UTC)
        await database.maintain(fill, count, end - timedelta(weeks=weeks), end)
        reader = FiguresReader(
            database=database,
            savings=Savings(settings.models),
            rules=BudgetRules((), zone=settings.operators.zone),
        )
        week = around(MONDAY, "week", settings.operators.zone)
        now = week.until + timedelta(hours=9)

        async def figures() -> Figures:
            return await reader.read("week", week, now=now)

        read = await figures()  # what is read first is not in memory yet, and nobody waits for it
        assert read.used.requests > 0
        took = sorted([await watched(figures) for _ in range(ROUNDS)])
        drawing = drawing_of(read, settings.models)
        drawn = await watched(lambda: draw(drawing))
    finally:
        await database.close()
    figures_s, worked_s, lag_s = took[len(took) // 2]
    drawn_s, _, drawn_lag_s = drawn
    return [
        *(engine, str(weeks), ms(figures_s), ms(worked_s), ms(lag_s)),
        *(ms(drawn_s), ms(drawn_lag_s)),
    ]


class LoopWatch:
    """Sleeps for a millisecond at a time, and notes the longest that it was late."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(NAP_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - before - NAP_S)


async def watched(work: Callable[[], Awaitable[object]]) -> tuple[float, float, float]:
    """How long it took, the processor time in it, and the longest that the loop was late meanwhile."""
    watch = LoopWatch()
    watching = asyncio.create_task(watch.run())
    await asyncio.sleep(NAP_S)
    started, worked = time.perf_counter(), time.process_time()
    await work()
    took_s, worked_s = time.perf_counter() - started, time.process_time() - worked
    watching.cancel()
    await asyncio.wait({watching})
    return took_s, worked_s, watch.longest_s


def fill(connection: Connection, count: int, start: datetime, end: datetime) -> None:
    """Ledger rows and as many turns, spread evenly over the time between two instants."""
    step_s = (end - start).total_seconds() / count
    postgres = connection.dialect.name == "postgresql"
    for name, columns, values in (
        ("ledger", _COLUMNS, _VALUES),
        ("turn", _TURN_COLUMNS, _TURN_VALUES),
    ):
        rows = values.format(
            at=_moment(postgres, start, step_s, 0),
            text_at=_moment(postgres, start, step_s, 1),
            channels=CHANNELS,
            people=PEOPLE,
        )
        # Names and values are this module's own; bound parameters have no place in a list of columns.
        sql = (
            f"{_NUMBERS.format(last=count - 1)} INSERT INTO {name}({columns}) SELECT {rows} FROM n"  # noqa: S608
        )
        connection.execute(text(sql.replace(":", r"\:")))
    connection.execute(text("ANALYZE"))


def _moment(postgres: bool, start: datetime, step_s: float, later_s: int) -> str:
    """When row `i` was made, as SQL."""
    if postgres:
        return (
            f"'{start.isoformat()}'::timestamptz + (i * {step_s} + {later_s}) * interval '1 second'"
        )
    return (
        f"strftime('%Y-%m-%d %H:%M:%f', {start.timestamp()} + i * {step_s} + {later_s}, 'unixepoch') "
        "|| '000'"
    )
