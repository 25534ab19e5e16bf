"""The dashboard over a million ledger rows of one month: the first look, the next ones, and who waits."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from bot.claude.client import ClaudeClient
from bot.claude.connection import Connection
from bot.money.budget_rules import BudgetRules
from bot.vocabulary import ManualClock, SystemClock
from bot.web.costs import Costs
from bot.web.live import Live
from bot.web.readiness import Readiness
from bot.web.spending import FRESH_S, SpendingByDay
from config.catalogue import Catalogue
from storage.database import Database
from storage.migrations import upgrade
from tests.bench.bench import Bench
from tests.bench.digest import CHANNELS, PEOPLE, fill, watched
from tests.bench.figures import Table, ms

DAYS = 31
ROUNDS = 5


async def measure(bench: Bench) -> Sequence[Table]:
    """How long its two dearest pages take."""
    count = bench.of(1_000_000, 2_000)
    rows = []
    for engine in bench.engines:
        with bench.database(engine) as url:
            rows.append(await _row(engine, url, count))
    return [
        Table(
            title=f"The dashboard over {count:,} ledger rows of {DAYS} days, and as many turns",
            note=(
                f"{CHANNELS} channels and {PEOPLE} people. The first look at the costs reads today alone "
                "and shows it; the other days follow in the background, once. Later looks read today "
                f"again when its sums are older than {FRESH_S:g} s (median of {ROUNDS}). Lag is the "
                "longest that a task which sleeps for 1 ms was late meanwhile."
            ),
            columns=(
                *("database", "first look ms", "all days ms", "loop lag ms"),
                *("later look ms", "overview ms"),
            ),
            rows=rows,
        )
    ]


async def _row(engine: str, url: str, count: int) -> list[str]:
    now = datetime.now(UTC)
    clock = ManualClock(now)
    database = Database(url, clock=clock)
    spending = SpendingByDay(database=database, zone=ZoneInfo("UTC"), clock=clock)
    costs = Costs(database=database, spending=spending, rules=BudgetRules((), zone=ZoneInfo("UTC")))
    claude = ClaudeClient(
        sdk=Connection(_never),
        catalogue=Catalogue.shipped(),
        clock=SystemClock(),
        max_concurrency=1,
    )
    live = Live(database=database, claude=claude, readiness=Readiness(), replica="bench")
    try:
        await database.maintain(upgrade)
        await database.maintain(fill, count, now - timedelta(days=DAYS), now)
        first_s, _, _ = await watched(lambda: costs.over("day"))
        whole_s, _, lag_s = await watched(lambda: _whole(costs))
        later = []
        for _ in range(ROUNDS):
            await clock.advance(FRESH_S + 1)
            later.append((await watched(lambda: costs.over("month")))[0])
        overview = sorted([(await watched(live.now))[0] for _ in range(ROUNDS)])
    finally:
        await costs.aclose()
        await database.close()
    middle = ROUNDS // 2
    return [
        engine,
        ms(first_s),
        ms(whole_s),
        ms(lag_s),
        ms(sorted(later)[middle]),
        ms(overview[middle]),
    ]


async def _whole(costs: Costs) -> None:
    """As a page does: it asks again every second while days are missing."""
    while (await costs.over("month"))["missing_days"]:
        await SystemClock().sleep(1.0)


def _never() -> NoReturn:
    raise AssertionError("the dashboard asks Claude nothing")
