"""Discord: what people wait for under its rate limits, and what that takes in requests, time and memory."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import build, make_adapter, open_database
from bot.vocabulary import SystemClock
from config import load_settings
from sandbox.claude import Pace
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.views import MessageView
from tests.bench.answers import ANSWER_WORDS, words
from tests.bench.bench import Bench
from tests.bench.figures import Table, ms, quantile, significant
from tests.bench.house import NO_LIMITS, QUESTION
from tests.bench.memory import resident_kib
from tests.simulators import WarmClaude, WarmDiscord
from tests.support import wait_until

ANSWER = words(ANSWER_WORDS)
FIRST_TOKEN_S = 0.05
TOKENS_PER_S = 200.0
STREAM_S = FIRST_TOKEN_S + ANSWER_WORDS / TOKENS_PER_S
PATIENCE_S = 120.0
RUNS_ALONE = 5
REST_S = 2.5


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person saw of one answer, in seconds after their question."""

    first_text_s: float
    final_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """So many questions at once."""

    replies: list[Reply]
    requests: int
    refused: int
    cpu_s: float
    resident_kib: int


async def measure(bench: Bench) -> Sequence[Table]:
    """One, 100 and 300 channels at once, each asked once."""
    rows = []
    async with WarmDiscord() as discord, WarmClaude() as claude:
        await claude.reply_always(ANSWER)
        await claude.set_pace(
            Pace(first_token_s=FIRST_TOKEN_S, tokens_per_s=bench.of(TOKENS_PER_S, 4_000.0))
        )
        channels = [
            str((await discord.order("add_channel", name=f"channel-{number}"))["id"])
            for number in range(bench.of(300, 3))
        ]
        with bench.database("SQLite") as url:
            async with _service(bench.directory, url, discord, claude):
                rest_s = bench.of(REST_S, 0.1)
                await _run(discord, channels[:1], rest_s)  # the first of all opens connections
                for at_once in bench.of((1, 100, 300), (1, 3)):
                    await asyncio.sleep(
                        bench.of(5.0, 0.0)
                    )  # every window of the limits begins anew
                    await discord.set_limits(RateLimits())
                    times = bench.of(RUNS_ALONE, 1) if at_once == 1 else 1
                    runs = [await _run(discord, channels[:at_once], rest_s) for _ in range(times)]
                    rows.append(_row(at_once, runs))
    return [
        Table(
            title="Discord",
            note=(
                f"Answers of {ANSWER_WORDS} words, {FIRST_TOKEN_S * 1e3:.0f} ms to the first token, then "
                f"{TOKENS_PER_S:.0f} a second, in as many channels at once, under Discord's limits (5 "
                "posts and 5 edits in 5 s for each channel, 50 requests a second for all). On SQLite."
            ),
            columns=(
                "channels at once",
                "first text ms, p50",
                "first text ms, p95",
                "after the last token ms, p50",
                "after the last token ms, p95",
                "requests a reply",
                "429s",
                "CPU ms a reply",
                "resident MB",
            ),
            rows=rows,
        )
    ]


def _row(at_once: int, runs: Sequence[Run]) -> list[str]:
    replies = [reply for run in runs for reply in run.replies]
    first = [reply.first_text_s for reply in replies]
    after = [max(0.0, reply.final_s - STREAM_S) for reply in replies]
    return [
        str(at_once),
        ms(quantile(first, 0.5)),
        ms(quantile(first, 0.95)),
        ms(quantile(after, 0.5)),
        ms(quantile(after, 0.95)),
        significant(sum(run.requests for run in runs) / len(replies)),
        str(sum(run.refused for run in runs)),
        ms(sum(run.cpu_s for run in runs) / len(replies)),
        significant(max(run.resident_kib for run in runs) / 1024),
    ]


@asynccontextmanager
async def _service(
    directory: Path, url: str, discord: WarmDiscord, claude: WarmClaude
) -> AsyncIterator[None]:
    """The whole service, until the end of the block."""
    environ = {
        "ANTHROPIC_API_KEY": "sk-ant-bench",
        "ANTHROPIC_BASE_URL": claude.base_url,
        "DISCORD_TOKEN": "bench",
        "DISCORD_API_URL": discord.api_url,
        "DATABASE_URL": url,
        "PARLEY_CACHE__ANSWERS": "false",
        **NO_LIMITS,
    }
    settings, clock = load_settings(environ, directory), SystemClock()
    database = open_database(settings, clock)
    adapter = make_adapter("discord", settings=settings, clock=clock, database=database)
    service = build(
        settings=settings,
        adapters={adapter.name: adapter},
        clock=clock,
        database=database,
        with_web=False,
        environ=environ,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    try:
        await wait_until(lambda: adapter.ready or running.done(), 30.0, what="the connection")
        yield
    finally:
        stop.set()
        await running


async def _run(discord: WarmDiscord, channels: Sequence[str], rest_s: float) -> Run:
    """Ask in each of the channels at the same time, and wait for all answers. What the asking itself
    takes of this process counts as the bot's."""
    before, cpu = Counter(each.status for each in await discord.requests()), time.process_time()
    asked = await asyncio.gather(
        *(discord.order("say", text=QUESTION, channel=each, mention=True) for each in channels)
    )
    await _at_rest(discord, asked, rest_s)
    cpu_s = time.process_time() - cpu
    after = Counter(each.status for each in await discord.requests())
    return Run(
        replies=[await _reply(discord, each["channel_id"], each["id"]) for each in asked],
        requests=sum((after - before).values()),
        refused=after[429] - before[429],
        cpu_s=cpu_s,
        resident_kib=resident_kib(),
    )


async def _at_rest(discord: WarmDiscord, asked: Sequence[Mapping[str, Any]], rest_s: float) -> None:
    """Return once nothing has been asked of Discord for so long, and every answer is there."""
    deadline = time.monotonic() + PATIENCE_S
    requests, now = -1, (await discord.state()).requests
    while now != requests or not await _all_answered(discord, asked):
        assert time.monotonic() < deadline, "it comes to rest"
        await asyncio.sleep(rest_s)
        requests, now = now, (await discord.state()).requests


async def _all_answered(discord: WarmDiscord, asked: Sequence[Mapping[str, Any]]) -> bool:
    """Every question has an answer that is not being written any more."""
    for question in asked:
        messages = await discord.messages(question["channel_id"])
        answers = [each for each in messages if each.reply_to_id == question["id"]]
        if not answers or _is_being_written(answers[0]):
            return False
    return True


def _is_being_written(answer: MessageView) -> bool:
    """It has a Stop button."""
    rows = answer.now.components
    return any(button.get("label") == "Stop" for row in rows for button in row["components"])


async def _reply(discord: WarmDiscord, channel_id: str, question_id: str) -> Reply:
    """When the first text and the last one of the answer to this question came."""
    messages = await discord.messages(channel_id)
    (asked,) = (each.sent_at for each in messages if each.id == question_id)
    (message,) = (each for each in messages if each.reply_to_id == question_id)
    assert message.content == ANSWER, "every question gets the whole answer"
    return Reply(
        (message.versions[0].at - asked).total_seconds(),
        (message.versions[-1].at - asked).total_seconds(),
    )
