"""Turns end to end: how many a second, what processor time each costs, how long people wait."""

import statistics
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sandbox.claude import Pace
from tests.bench.answers import ANSWER_WORDS, words
from tests.bench.audience import Seen
from tests.bench.bench import Bench
from tests.bench.figures import Table, ms, quantile, significant
from tests.bench.house import House, house
from tests.simulators import WarmClaude

ANSWER = words(ANSWER_WORDS)
RUNS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One run of so many turns."""

    turns: int
    wall_s: float
    cpu_s: float
    seen: list[Seen]

    @property
    def cpu_s_a_turn(self) -> float:
        """Processor time of this process, all its threads, user and system."""
        return self.cpu_s / self.turns


async def measure(bench: Bench) -> Sequence[Table]:
    """The throughput at full speed, and the waiting at a provider's pace."""
    async with WarmClaude() as claude:
        await claude.reply_always(ANSWER)
        speed = [row for engine in bench.engines for row in await _speed(bench, claude, engine)]
        waits = [row for engine in bench.engines for row in await _waits(bench, claude, engine)]
    return [
        Table(
            title="Turns: a provider that answers at once",
            note=(
                f"Answers of {ANSWER_WORDS} words, through the whole service; conversations of four "
                f"questions each. Median of {RUNS} runs."
            ),
            columns=("database", "threads at once", "words a delta", "turns/s", "CPU ms a turn"),
            rows=speed,
        ),
        Table(
            title="Turns: 50 ms to the first token, then 200 tokens a second",
            note=(
                "An answer takes the provider 0.8 s. Times are from the question to what the person "
                f"sees. Median of {RUNS} runs."
            ),
            columns=(
                "database",
                "threads at once",
                "words a delta",
                "feedback ms, p50",
                "first text ms, p50",
                "final ms, p50",
                "final ms, p95",
                "CPU ms a turn",
            ),
            rows=waits,
        ),
    ]


async def _speed(bench: Bench, claude: WarmClaude, engine: str) -> list[list[str]]:
    rows = []
    with bench.database(engine) as url:
        async with _house(bench, claude, url) as place:
            for conversations in bench.of((1, 100, 300), (1, 3)):
                for tokens_per_chunk in (1, 4):
                    await claude.set_pace(Pace(tokens_per_chunk=tokens_per_chunk))
                    turns = bench.of(max(120, 2 * conversations), conversations)
                    runs = [
                        await _run(place, turns, conversations) for _ in range(bench.of(RUNS, 1))
                    ]
                    rows.append(
                        [
                            engine,
                            str(conversations),
                            str(tokens_per_chunk),
                            significant(statistics.median(r.turns / r.wall_s for r in runs)),
                            ms(statistics.median(r.cpu_s_a_turn for r in runs)),
                        ]
                    )
    return rows


async def _waits(bench: Bench, claude: WarmClaude, engine: str) -> list[list[str]]:
    rows = []
    with bench.database(engine) as url:
        async with _house(bench, claude, url) as place:
            for conversations in bench.of((1, 100), (2,)):
                for tokens_per_chunk in (1, 4):
                    await claude.set_pace(
                        Pace(
                            first_token_s=0.05,
                            tokens_per_s=bench.of(200.0, 10_000.0),
                            tokens_per_chunk=tokens_per_chunk,
                        )
                    )
                    turns = bench.of(max(3, 2 * conversations), conversations)
                    runs = [
                        await _run(place, turns, conversations) for _ in range(bench.of(RUNS, 1))
                    ]
                    seen = [each for run in runs for each in run.seen]
                    rows.append(
                        [
                            engine,
                            str(conversations),
                            str(tokens_per_chunk),
                            ms(quantile([each.feedback_s for each in seen], 0.5)),
                            ms(quantile([each.first_text_s for each in seen], 0.5)),
                            ms(quantile([each.final_s for each in seen], 0.5)),
                            ms(quantile([each.final_s for each in seen], 0.95)),
                            ms(statistics.median(r.cpu_s_a_turn for r in runs)),
                        ]
                    )
    return rows


def _house(bench: Bench, claude: WarmClaude, url: str) -> AbstractAsyncContextManager[House]:
    return house(database_url=url, claude_url=claude.base_url, directory=bench.directory)


async def _run(place: House, turns: int, conversations: int) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    seen = await place.converse(turns, conversations=conversations)
    run = Run(turns, time.perf_counter() - wall, time.process_time() - cpu, seen)
    assert all(each.text == ANSWER for each in seen), "every question gets the whole answer"
    return run
