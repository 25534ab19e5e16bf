"""Random turns at once, random faults, models of all prices: no budget is overshot, and the books agree
with the provider's bill."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from bot.claude.client import ClaudeClient, connect
from bot.claude.errors import ClaudeError
from bot.claude.prompt import Prompt
from bot.claude.retry import RetryPolicy
from bot.claude.timeouts import Timeouts
from bot.engine.accounts import LedgerBooks
from bot.money.budget_queue import BudgetQueue
from bot.money.budget_rules import BudgetRules
from bot.money.news import BudgetNews
from bot.vocabulary import Attribution, SystemClock
from config.budgets import BudgetSettings
from config.catalogue import Catalogue
from sandbox.claude import BillStatus, Fault, SimulatedClaude
from storage import budgets
from storage.budgets import BudgetState
from storage.database import Database
from storage.errors import BudgetExceeded
from storage.ledger import ledger
from storage.migrations.ready import ready_sqlite

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
QUICK = Timeouts(connect_s=2.0, first_event_s=1.0, idle_s=0.3)

PATIENCE_S = 30.0
"""Nobody waits so long for room: what is held is settled within a few seconds."""

FAULTS = (
    Fault.of_status(529),
    Fault.of_status(500),
    Fault.of_status(400),
    Fault.cut(0),
    Fault.cut(3),
    Fault.stall(2),
    Fault.end_early(2),
    Fault.stream_error("overloaded_error"),
    Fault.drop(),
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A turn: what is asked of which models, by whom, and for how long it may answer."""

    words: int
    letters: str
    models: tuple[str, ...]
    max_output_tokens: int
    person: str
    given_up_after_chunks: int | None
    waits: bool
    """For room that others hold."""


ASKS = st.builds(
    Ask,
    words=st.integers(1, 400),
    letters=st.sampled_from(["word", "straße", "言葉", "🦉", "x9$_", "        "]),
    models=st.lists(st.sampled_from(MODELS), min_size=1, max_size=3, unique=True).map(tuple),
    max_output_tokens=st.integers(50, 1000),
    person=st.sampled_from(["U1", "U2"]),
    given_up_after_chunks=st.none() | st.integers(0, 4),
    waits=st.booleans(),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the counters, the ledger and the bill say when all is over."""

    counters: Sequence[BudgetState]
    entries: Sequence[Any]
    bill: Sequence[Any]
    ends: Sequence[str]
    """`answered`, `failed`, `used_up`, `held` or `given_up`, in the order of the asks."""


@settings(
    max_examples=20,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # an example takes too long for making it smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    asks=st.lists(ASKS, min_size=2, max_size=14),
    answers=st.lists(st.integers(0, 900), min_size=1, max_size=5),
    faults=st.lists(st.sampled_from(FAULTS), max_size=8),
    limit_microusd=st.integers(200, 60_000),
    replicas=st.integers(1, 3),
)
def test_no_budget_is_overshot_and_the_books_agree_with_the_bill(
    asks: list[Ask],
    answers: list[int],
    faults: list[Fault],
    limit_microusd: int,
    replicas: int,
) -> None:
    """Whatever is asked at once on however many replicas, of whatever models, and however the provider
    fails: what is spent and held stays within every limit, nothing stays held, and each request that the
    provider completed is in the ledger at exactly what it is billed at. Who waits for what others hold
    gets it, or hears that the budget is used up."""
    outcome = asyncio.run(_played(asks, answers, faults, limit_microusd * 1_000, replicas))
    assert "held" not in [end for ask, end in zip(asks, outcome.ends, strict=True) if ask.waits]
    for counter in outcome.counters:
        assert counter.spent_nanousd <= limit_microusd * 1_000
        assert counter.held_nanousd == 0
    together = [each for each in outcome.counters if each.key.startswith("global")]
    spent_nanousd = sum(each.spent_nanousd for each in together)
    assert spent_nanousd == sum(entry.cost_nanousd for entry in outcome.entries)
    entries = {entry.request_id: entry for entry in outcome.entries if entry.request_id}
    completed = [row for row in outcome.bill if row.status is not BillStatus.ABORTED]
    unseen = [row for row in completed if row.request_id not in entries]
    assert len(unseen) <= outcome.ends.count("given_up")  # before a byte of the response was read
    for row in completed:
        entry = entries.get(row.request_id)
        if entry is not None and entry.status == "completed":
            assert (entry.cost_nanousd, entry.output_tokens) == (
                row.cost_nanousd,
                row.usage.output_tokens,
            )
    closed = [entry for entry in outcome.entries if entry.status == "completed"]
    assert {entry.request_id for entry in closed} <= {row.request_id for row in completed}
    assert sum(row.cost_nanousd for row in completed) <= limit_microusd * 1_000


async def test_who_waits_on_several_replicas_is_answered() -> None:
    """Of twelve at once on three replicas, for two of which there is room at a time, all are answered."""
    ask = Ask(5, "word", ("claude-sonnet-5-5",), 1_000, "U1", None, waits=True)
    limit_nanousd = 25_000_000
    outcome = await _played([ask] * 12, [3], [], limit_nanousd, 3)
    assert outcome.ends == ["answered"] * 12
    assert all(each.spent_nanousd <= limit_nanousd for each in outcome.counters)
    assert {each.held_nanousd for each in outcome.counters} == {0}


async def _played(
    asks: Sequence[Ask],
    answers: Sequence[int],
    faults: Sequence[Fault],
    limit_nanousd: int,
    replicas: int,
) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        url = ready_sqlite(Path(folder) / "parley.db")
        async with SimulatedClaude() as claude:
            claude.script.always("word " * answers[0])
            claude.script.next(*("word " * each for each in answers[1:]))
            claude.fail_next(*faults)
            async with _replicas(url, claude, limit_nanousd, replicas) as places:
                played = await asyncio.gather(
                    *(_end(each, n, places[n % replicas]) for n, each in enumerate(asks))
                )
            database = Database(url, clock=SystemClock())
            try:
                counters = await database.read(budgets.running, now=database.now())
                entries = await database.read(_entries)
            finally:
                await database.close()
            return Outcome(counters, entries, claude.bill().rows, played)


@dataclass(frozen=True, slots=True)
class Replica:
    """A client with books and a queue of its own."""

    client: ClaudeClient
    books: LedgerBooks
    queue: BudgetQueue


@asynccontextmanager
async def _replicas(
    url: str, claude: SimulatedClaude, limit_nanousd: int, count: int
) -> AsyncIterator[list[Replica]]:
    """Replicas on one database."""
    limit = Decimal(limit_nanousd) / 10**9
    rules = BudgetRules(
        [
            BudgetSettings(scope="global", period="month", limit_usd=limit),
            BudgetSettings(scope="user", period="day", limit_usd=limit),
        ],
        zone=ZoneInfo("UTC"),
    )
    places, databases = [], []
    for _ in range(count):
        database = Database(url, clock=SystemClock())
        sdk = connect(api_key="sk-ant-test", base_url=claude.base_url, max_concurrency=8)
        client = ClaudeClient(
            sdk=sdk,
            catalogue=Catalogue.shipped(),
            clock=SystemClock(),
            max_concurrency=8,
            retry=RetryPolicy(max_attempts=2, base_s=0.01),
            timeouts=QUICK,
        )
        databases.append(database)
        news = BudgetNews()
        books = LedgerBooks(database=database, rules=rules, news=news)
        queue = BudgetQueue(database=database, news=news, most=100, look_again_s=0.1)
        places.append(Replica(client, books, queue))
    try:
        yield places
    finally:
        for place in places:
            await place.client.aclose()
        for database in databases:
            await database.close()


async def _end(ask: Ask, number: int, replica: Replica) -> str:
    """Ask, and wait for room if that is wanted; how it came out."""
    asking = asyncio.ensure_future(_asked(ask, f"t{number:02}", replica))
    try:
        if ask.given_up_after_chunks is not None:
            await asyncio.wait({asking}, timeout=0.01 * ask.given_up_after_chunks)
            asking.cancel()
        await asking
    except ClaudeError:
        return "failed"
    except BudgetExceeded as error:
        return "held" if error.held else "used_up"
    except asyncio.CancelledError:
        return "given_up"
    return "answered"


async def _asked(ask: Ask, place: str, replica: Replica) -> None:
    prompt = Prompt(
        messages=[{"role": "user", "content": f"{ask.letters} " * ask.words + "?"}],
        max_output_tokens=ask.max_output_tokens,
    )
    who = Attribution("answer", channel_key="slack:T1:C1", person_key=f"slack:T1:{ask.person}")
    bound = replica.client.bound(
        models=ask.models, attribution=who, books=replica.books, deadline_s=5.0
    )
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await bound.ask(prompt)
                return
            except BudgetExceeded as error:
                if not (ask.waits and error.held):
                    raise
                await replica.queue.wait(error, place)


def _entries(connection: Connection) -> list[Any]:
    return list(connection.execute(select(ledger)))
