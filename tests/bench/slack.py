"""Slack end to end, with Slack's own rate limits: how long people wait, and what a reply takes."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.app import build, open_database, service_adapters
from bot.vocabulary import SystemClock
from config import load_settings
from sandbox.claude import Pace
from sandbox.slack import Message, RateLimits, SeenCall
from tests.bench.answers import words
from tests.bench.bench import Bench
from tests.bench.figures import Table, ms, quantile, significant
from tests.simulators import WarmClaude, WarmSlack
from tests.support import wait_until

FIRST_TOKEN_S: Final = 0.4
TOKENS_PER_S: Final = 80.0
ANSWER: Final = words(200)
THREADS_A_CHANNEL: Final = 3
PATIENCE_S: Final = 240.0
PEOPLE: Final = ("ada", "grace", "linus", "marie")


@dataclass(frozen=True, slots=True)
class Waits:
    """What somebody waited for, in seconds since they asked."""

    feedback_s: float
    first_text_s: float
    final_s: float


async def measure(bench: Bench) -> Sequence[Table]:
    """One, some and many threads at once."""
    rows = []
    for threads in bench.of((1, 60, 300), (2,)):
        with bench.database("SQLite") as url:
            rows.append(await _row(bench, url, threads))
    return [
        Table(
            title="Slack: 400 ms to the first token, then 80 tokens a second, Slack's limits on",
            note=(
                f"Replies of {len(ANSWER.split())} words, all asked at once, {THREADS_A_CHANNEL} threads a "
                "channel, SQLite; Slack and the provider are simulated in processes of their own. First "
                "text counts from the provider's first token. Calls are those of the Web API."
            ),
            columns=(
                "threads at once",
                "feedback ms, p50",
                "p95",
                "first text ms, p50",
                "p95",
                "final s, p50",
                "p95",
                "calls a reply",
                "429s",
                "CPU ms a reply",
            ),
            rows=rows,
        )
    ]


async def _row(bench: Bench, url: str, threads: int) -> list[str]:
    pace = Pace(first_token_s=FIRST_TOKEN_S, tokens_per_s=bench.of(TOKENS_PER_S, 4_000.0))
    async with WarmClaude() as claude, WarmSlack() as slack:
        await claude.reply_always(ANSWER)
        await claude.set_pace(pace)
        await slack.change_settings(limits=RateLimits())
        channels = [await slack.add_channel(f"c{n}") for n in range(-(-threads // 3))]
        async with _service(bench.directory, url, claude, slack):
            await slack.reset()
            cpu = time.process_time()
            asked = await asyncio.gather(
                *(
                    slack.say(
                        f"What should we look at? ({n})",
                        by=PEOPLE[n % len(PEOPLE)],
                        channel=channels[n // THREADS_A_CHANNEL].id,
                        mention=True,
                    )
                    for n in range(threads)
                )
            )
            finals = await _finals(slack, asked)
            cpu = time.process_time() - cpu
            calls = await slack.requests()
    waits = [_waits(message, calls, finals) for message in asked]
    return _figures(waits, calls, cpu / threads, threads)


def _figures(
    waits: Sequence[Waits], calls: Sequence[SeenCall], cpu_s: float, threads: int
) -> list[str]:
    feedback = [each.feedback_s for each in waits]
    first_text = [each.first_text_s - FIRST_TOKEN_S for each in waits]
    final = [each.final_s for each in waits]
    return [
        str(threads),
        ms(quantile(feedback, 0.5)),
        ms(quantile(feedback, 0.95)),
        ms(quantile(first_text, 0.5)),
        ms(quantile(first_text, 0.95)),
        significant(quantile(final, 0.5)),
        significant(quantile(final, 0.95)),
        significant(len(calls) / threads),
        str(sum(1 for call in calls if call.status == 429)),
        ms(cpu_s),
    ]


def _waits(
    asked: Message, calls: Sequence[SeenCall], finals: dict[str, tuple[datetime, datetime]]
) -> Waits:
    def since(when: datetime) -> float:
        return (when - asked.versions[0].at).total_seconds()

    mine = (
        call.at
        for call in calls
        if call.acted
        and call.args.get("thread_ts") == asked.ts
        and call.method in ("assistant.threads.setStatus", "chat.startStream", "chat.postMessage")
    )
    first, last = finals[asked.ts]
    return Waits(since(min(mine)), since(first), since(last))


async def _finals(
    slack: WarmSlack, asked: Sequence[Message]
) -> dict[str, tuple[datetime, datetime]]:
    """When each thread's reply showed its first text and its last, once all of them are whole."""
    found: dict[str, tuple[datetime, datetime]] = {}
    by_channel = Counter(message.channel_id for message in asked)
    deadline = time.perf_counter() + PATIENCE_S
    for channel_id, count in by_channel.items():
        await slack.wait_for_message(
            ANSWER,
            channel=channel_id,
            count=count,
            timeout_s=max(1.0, deadline - time.perf_counter()),
        )
        for message in await slack.messages(channel_id):
            if message.bot_id is not None and message.thread_ts is not None:
                assert message.thread_ts not in found, "a thread has one reply"
                found[message.thread_ts] = (message.versions[0].at, message.versions[-1].at)
    return found


@asynccontextmanager
async def _service(
    folder: Path, url: str, claude: WarmClaude, slack: WarmSlack
) -> AsyncIterator[None]:
    """The service as `parley run` puts it together."""
    environ = {
        "ANTHROPIC_API_KEY": "sk-ant-bench",
        "ANTHROPIC_BASE_URL": claude.base_url,
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "DATABASE_URL": url,
        "PARLEY_LIMITS__CHANNEL_MESSAGES": "1000000",
        "PARLEY_CLAUDE__MAX_CONCURRENCY": "1000",
        "PARLEY_CACHE__ANSWERS": "false",
    }
    settings, clock = load_settings(environ, folder), SystemClock()
    database = open_database(settings, clock)
    adapters = service_adapters(settings, clock, database)
    service = build(
        settings=settings, adapters=adapters, clock=clock, database=database, with_web=False
    )
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    try:
        await wait_until(
            lambda: running.done() or adapters["slack"].ready, 30.0, what="the service's start"
        )
        yield
    finally:
        stop.set()
        await running
