"""Deltas: the processor time that one delta of text costs, read in three ways."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anthropic

from bot.claude.client import ClaudeClient, connect
from bot.claude.memory_books import InMemoryBooks
from bot.claude.prompt import Prompt
from bot.vocabulary import Attribution, SystemClock
from config import Settings
from sandbox.claude import Pace
from tests.bench.answers import words
from tests.bench.bench import Bench
from tests.bench.figures import Table, significant
from tests.simulators import WarmClaude

MODEL = "claude-sonnet-5-5"
ASKED: list[Any] = [{"role": "user", "content": "Go on."}]
RUNS = 5


async def measure(bench: Bench) -> Sequence[Table]:
    """The same answer through Parley's reader, the SDK's events, and the SDK's helper."""
    deltas = bench.of(2000, 20)
    async with WarmClaude(pace=Pace(tokens_per_s=4000.0, tokens_per_chunk=1)) as claude:
        await claude.reply_always(words(deltas))
        async with connect(
            api_key="sk-ant-bench", base_url=claude.base_url, max_concurrency=1
        ) as sdk:
            ways: dict[str, Callable[[], Awaitable[None]]] = {
                "Parley's client, all of it": lambda: _parley(sdk),
                "`messages.create(stream=True)`": lambda: _events(sdk),
                "`messages.stream`": lambda: _helper(sdk),
            }
            costs = {name: await _cost(bench, way, deltas) for name, way in ways.items()}
    least = min(costs.values())
    return [
        Table(
            title="Processor time a text delta",
            note=f"{deltas:,} deltas of one word at 4,000 a second; median of {RUNS} runs.",
            columns=("way", "µs a delta", "ratio"),
            rows=[
                [name, significant(cost * 1e6), significant(cost / least)]
                for name, cost in costs.items()
            ],
        )
    ]


async def _cost(bench: Bench, way: Callable[[], Awaitable[None]], deltas: int) -> float:
    await way()
    costs = []
    for _ in range(bench.of(RUNS, 1)):
        before = time.process_time()
        await way()
        costs.append((time.process_time() - before) / deltas)
    return statistics.median(costs)


async def _parley(sdk: anthropic.AsyncAnthropic) -> None:
    settings, clock = Settings(), SystemClock()
    client = ClaudeClient(sdk=sdk, catalogue=settings.models, clock=clock, max_concurrency=1)
    async for _ in client.answer(
        Prompt(messages=ASKED),
        models=[MODEL],
        attribution=Attribution("bench"),
        books=InMemoryBooks(),
        deadline=clock.monotonic() + 60.0,
    ):
        pass


async def _events(sdk: anthropic.AsyncAnthropic) -> None:
    async for _ in await sdk.messages.create(
        model=MODEL, max_tokens=4096, messages=ASKED, stream=True
    ):
        pass


async def _helper(sdk: anthropic.AsyncAnthropic) -> None:
    async with sdk.messages.stream(model=MODEL, max_tokens=4096, messages=ASKED) as stream:
        async for _ in stream:
            pass
