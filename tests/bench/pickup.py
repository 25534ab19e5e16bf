"""Pickup: from the hand-in of a message to the start of its turn."""

import time
from collections.abc import Sequence
from datetime import datetime

from bot.engine.dispatcher import RunsTurns
from bot.engine.interrupt import Interrupt
from storage.turns import Work
from tests.bench.answers import ANSWER_WORDS, words
from tests.bench.audience import Audience
from tests.bench.bench import Bench
from tests.bench.figures import Table, ms, quantile
from tests.bench.house import house
from tests.simulators import WarmClaude


class Stopwatch:
    """Stands before the turns' runner and notes how long after the question each turn begins."""

    def __init__(self, runner: RunsTurns, audience: Audience) -> None:
        self.taken_s: list[float] = []
        self._runner = runner
        self._audience = audience

    async def run(self, work: Work, interrupt: Interrupt) -> datetime | None:
        """Note the time, and let the turn run."""
        asked_at = self._audience.asked_at(work.held.fence.thread_key)
        self.taken_s.append(time.perf_counter() - asked_at)
        return await self._runner.run(work, interrupt)


async def measure(bench: Bench) -> Sequence[Table]:
    """One thread at a time, and many at once."""
    async with WarmClaude() as claude:
        await claude.reply_always(words(ANSWER_WORDS))
        rows = [
            await _row(bench, claude, engine, conversations)
            for engine in bench.engines
            for conversations in bench.of((1, 20), (1, 2))
        ]
    return [
        Table(
            title="Pickup: from hand-in to the start of the turn",
            note="The message is durable, claimed and its turn begun. A provider that answers at once.",
            columns=("database", "threads at once", "p50 ms", "p95 ms"),
            rows=rows,
        )
    ]


async def _row(bench: Bench, claude: WarmClaude, engine: str, conversations: int) -> list[str]:
    with bench.database(engine) as url:
        async with house(
            database_url=url, claude_url=claude.base_url, directory=bench.directory
        ) as place:
            await place.converse(conversations, conversations=conversations)
            watch = place.watch_starts(Stopwatch)
            await place.converse(bench.of(200, 4), conversations=conversations)
    taken_s = watch.taken_s
    return [engine, str(conversations), ms(quantile(taken_s, 0.5)), ms(quantile(taken_s, 0.95))]
