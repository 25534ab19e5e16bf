"""What happened while you were away: the threads of a channel, each summed up, all at once."""

import re
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from bot.plugins import ClaudeError, Completion, Context, Plugin, Prompt, Result, Thread, Told

UNITS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0}
_SINCE = re.compile(r"(?P<count>\d{1,3})?\s*(?P<unit>minute|hour|day|week)s?", re.IGNORECASE)
MAX_THREAD_CHARS = 40_000
NANO = 1_000_000_000

INSTRUCTIONS = (
    "Sum up this conversation of a team for somebody who missed it: what it was about, what was decided, "
    "what is open and for whom. At most three sentences, in the language of the conversation. Write "
    "nothing else."
)


class Settings(BaseModel):
    """How many threads are summed up at most."""

    model_config = ConfigDict(extra="forbid")

    max_threads: int = Field(30, ge=1, le=200)


plugin = Plugin("catchup", api=1, settings=Settings, summary="Sums up a channel's threads.")
Ctx = Context[Settings]


@plugin.command("catchup", private=True, timeout_s=170.0)
async def catchup(ctx: Ctx, since: str = "1 day") -> str:
    """What was said in this channel's threads lately, such as: /catchup 3 days"""
    began = ctx.now() - _span(since)
    found = [each for each in await ctx.threads(since=began) if each.thread != ctx.thread]
    threads = found[: ctx.settings.max_threads]
    texts = [await _text(ctx, each.thread) for each in threads]
    told = [(each, text) for each, text in zip(threads, texts, strict=True) if text]
    if not told:
        return f"Nothing was said in other threads of this channel in the last {since}."
    ctx.show(_progress(0, len(told)))
    results = await ctx.claude.map(
        [Prompt(system=INSTRUCTIONS, messages=[_asked(text)]) for _, text in told],
        on_progress=lambda done, of: ctx.show(_progress(done, of)),
    )
    lines = [
        f"- **{each.last_message_at:%a %H:%M}**, “{_title(text)}”: {_summary(result)}"
        for (each, text), result in zip(told, results, strict=True)
    ]
    left = len(found) - len(threads)
    more = f"\n\n{left} older threads are left out." if left else ""
    return "\n".join(lines) + f"{more}\n\n_{len(told)} threads, {_cost(results)}_"


def _span(since: str) -> timedelta:
    found = _SINCE.fullmatch(since.strip())
    if found is None:
        raise Told("Say how far to look back like this: `/catchup 3 days`, `/catchup 8 hours`.")
    return timedelta(hours=int(found["count"] or 1) * UNITS[found["unit"].lower()])


async def _text(ctx: Ctx, thread: Thread) -> str:
    said = await ctx.history(thread)
    lines = [f"{'Bot' if each.role == 'assistant' else 'Team'}: {each.text}" for each in said]
    return "\n\n".join(lines)[-MAX_THREAD_CHARS:]


def _asked(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}


def _progress(done: int, of: int) -> str:
    filled = round(10 * done / of)
    return f"{'▓' * filled}{'░' * (10 - filled)} {done} of {of} threads"


def _title(text: str) -> str:
    first = text.partition("\n\n")[0].partition(": ")[2]
    words = re.sub(r"^\[.*? says:\]\s*", "", first).split()
    return " ".join(words[:8]) + ("…" if len(words) > 8 else "")


def _summary(result: Result) -> str:
    """The summary, or why there is none."""
    match result.error:
        case None if result.unwrap().is_refusal:
            return "_Claude declined to sum this up._"
        case None if result.text.strip():
            return " ".join(result.text.split())
        case ClaudeError() as error:
            return f"_could not be summed up: {error.kind.replace('_', ' ')}._"
        case None:
            return "_could not be summed up: nothing came._"
        case _:
            return "_could not be summed up: not possible within the limits of this channel._"


def _cost(results: list[Result]) -> str:
    answers: list[Completion] = [each.unwrap() for each in results if each.ok]
    costs = [each.total_cost_nanousd for each in answers]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return "cost not known"
    return f"${sum(known) / NANO:.4f}"
