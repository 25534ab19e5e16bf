"""Dollars: a 40-turn thread by the provider's own bill, against two simpler ways to keep history."""

from collections.abc import Sequence
from typing import Any

from bot.claude.client import connect
from config import Settings
from tests.bench.answers import words
from tests.bench.bench import Bench
from tests.bench.figures import Table, significant
from tests.bench.house import house
from tests.simulators import WarmClaude

MODEL = "claude-sonnet-5-5"
LAST_MESSAGES = 20
"""A common size of a sliding window."""

MIXES = (
    ("short questions", 30, 150),
    ("questions with pasted text", 100, 150),
    ("long answers", 60, 300),
)

Json = dict[str, Any]


async def measure(bench: Bench) -> Sequence[Table]:
    """Three mixes of lengths, three ways."""
    turns = bench.of(40, 4)
    rows = []
    async with WarmClaude() as claude:
        for name, question_words, answer_words in MIXES:
            await claude.reset()
            await claude.reply_always(words(answer_words))
            questions = [f"{number}: {words(question_words)}" for number in range(turns)]
            own = await _own(bench, claude, questions)
            uncached = await _resent(claude, questions, words(answer_words), window=None)
            sliding = await _resent(claude, questions, words(answer_words), window=LAST_MESSAGES)
            rows.append(
                [
                    name,
                    f"{question_words} / {answer_words}",
                    f"${own / 1e9:.4f}",
                    f"${uncached / 1e9:.4f}",
                    f"${sliding / 1e9:.4f}",
                    f"{significant(100 * own / uncached)} %",
                    f"{significant(100 * own / sliding)} %",
                ]
            )
    return [
        Table(
            title=f"Dollars for a thread of {turns} turns",
            note=(
                f"By the simulated provider's bill, {MODEL}. Resending sends everything uncached; the "
                f"sliding window sends the last {LAST_MESSAGES} messages with cache marks."
            ),
            columns=(
                "thread",
                "words asked / answered",
                "Parley",
                "resending",
                "sliding window",
                "of resending",
                "of sliding",
            ),
            rows=rows,
        )
    ]


async def _own(bench: Bench, claude: WarmClaude, questions: Sequence[str]) -> int:
    before = (await claude.bill()).total_nanousd
    with bench.database("SQLite") as url:
        async with house(
            database_url=url, claude_url=claude.base_url, directory=bench.directory
        ) as place:
            thread = place.audience.thread(place.new_thread())
            for question in questions:
                await place.audience.ask(thread, question)
            await place.rest()
    return (await claude.bill()).total_nanousd - before


async def _resent(
    claude: WarmClaude, questions: Sequence[str], answer: str, *, window: int | None
) -> int:
    """The bill if the same thread is sent anew at each turn: all of it, or the end of it."""
    before = (await claude.bill()).total_nanousd
    defaults = Settings().claude
    said: list[Json] = []
    async with connect(api_key="sk-ant-bench", base_url=claude.base_url, max_concurrency=1) as sdk:
        for question in questions:
            said.append({"role": "user", "content": question})
            sent = said if window is None else _last(said, window)
            extra: Json = {} if window is None else {"cache_control": {"type": "ephemeral"}}
            body: Any = {
                "model": MODEL,
                "max_tokens": defaults.max_output_tokens,
                "system": defaults.system_prompt,
                "messages": sent,
                "output_config": {"effort": "low"},
                **extra,
            }
            await sdk.messages.create(**body)
            said.append({"role": "assistant", "content": answer})
    return (await claude.bill()).total_nanousd - before


def _last(said: Sequence[Json], count: int) -> list[Json]:
    """The last messages, from a question on."""
    sent = list(said[-count:])
    return sent if sent[0]["role"] == "user" else sent[1:]
