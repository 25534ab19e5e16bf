"""An answer for which Claude may use tools: asked, its calls run, asked again with their results.

The rounds are bounded in number, cost and time; calls of one round run side by side.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from pydantic import BaseModel

from bot.claude.errors import ClaudeError
from bot.claude.events import Completion
from bot.claude.tokens import estimate_tokens
from bot.engine import notices
from bot.engine.budget_room import when_there_is_room
from bot.engine.downgrade import Stream, cheaper_than, within_budget
from bot.engine.turn_run import Json, TurnRun
from bot.engine.turn_surroundings import asked_to_allow, filtered, occasion_of
from bot.engine.writing import uninterrupted
from bot.host.errors import PluginFailed, PluginTimedOut
from bot.plugins import Told, ToolSpec
from bot.plugins.signature import WrongArguments
from bot.vocabulary import NANO_PER_DOLLAR, storable
from storage.errors import BudgetExceeded, Unpriced
from storage.history import NewSaid

log = structlog.get_logger(__name__)

AT_ONCE = 8


async def answer(turn: TurnRun, stream: Stream) -> Completion:
    """The last round's completion; what went before is in `turn.exchange` and `turn.spoken`."""
    models = turn.channel_settings.claude.models
    completion = await when_there_is_room(turn, lambda: within_budget(turn, stream, models))
    rounds = 0
    while completion.stop_reason == "tool_use":
        rounds += 1
        await uninterrupted(turn.books.close(completion.closing))
        turn.owed = None
        if rounds > turn.services.settings.tools.max_rounds + 1:
            return replace(completion, stop_reason="end_turn")
        results = await _results(turn, completion, rounds)
        completion = await _next(turn, stream, completion, results)
    return completion


async def _next(
    turn: TurnRun, stream: Stream, completion: Completion, results: list[Json]
) -> Completion:
    """Ask on, of the same model with its thinking; if it fails or has become too dear, of the others
    without."""
    assert turn.prompt is not None, "it was asked before"
    turn.exchange += [
        NewSaid("assistant", tuple(completion.content_blocks), estimate_tokens(completion.text)),
        NewSaid("user", tuple(results), sum(estimate_tokens(_text(each)) for each in results)),
    ]
    if completion.text.strip():
        turn.spoken = f"{turn.spoken}{completion.text.rstrip()}\n\n"
    turn.text = turn.spoken
    before = _unmarked(turn.prompt.messages)
    given: Json = {"role": "user", "content": _marked(results, turn.prompt.cache_ttl)}

    def prompt_with(blocks: Sequence[Json]) -> None:
        assert turn.prompt is not None, "it was asked before"
        said: Json = {"role": "assistant", "content": list(blocks)}
        turn.prompt = replace(turn.prompt, messages=[*before, said, given])

    async def asked() -> Completion:
        prompt_with(completion.turn_blocks)
        try:
            return await stream(turn, (completion.model,))
        except (ClaudeError, BudgetExceeded) as error:
            others = _others(turn, completion.model, error)
            if not others:
                raise
        turn.text = turn.spoken
        prompt_with(completion.content_blocks)
        return await within_budget(turn, stream, others)

    return await when_there_is_room(turn, asked)


def _others(turn: TurnRun, model: str, error: ClaudeError | BudgetExceeded) -> list[str]:
    """The models that may go on in place of the one that met with this error."""
    if isinstance(error, BudgetExceeded):
        turn.downgraded = error.downgrade
        return cheaper_than(turn, model) if error.downgrade else []
    chain = turn.channel_settings.claude.models
    return [each for each in chain if each != model] if error.outage else []


async def _results(turn: TurnRun, completion: Completion, rounds: int) -> list[Json]:
    calls = [block for block in completion.content_blocks if block["type"] == "tool_use"]
    if _exhausted(turn, rounds):
        sentence = "No more tool calls are possible in this answer. Answer with what you have."
        return [_result(call, sentence, error=True) for call in calls]
    names = ", ".join(dict.fromkeys(_readable(call["name"]) for call in calls))
    if not turn.held_back:
        turn.reply.update(f"{turn.text.rstrip()}\n\n_Using {names}…_".lstrip())
    room = asyncio.Semaphore(AT_ONCE)

    async def run(call: Json) -> Json:
        async with room:
            return await _run(turn, call)

    return list(await asyncio.gather(*(run(call) for call in calls)))


async def _run(turn: TurnRun, call: Json) -> Json:
    """The result of one call, as the API takes it; errors are told without internals."""
    spec = turn.tools.get(call["name"])
    if spec is None:
        return _result(call, f"There is no tool named {call['name']}.", error=True)
    try:
        given = spec.arguments(call["input"])
        if spec.confirm and not await asked_to_allow(turn, _question(spec, call["input"])):
            return _result(call, "The person did not allow this.", error=True)
        returned = _written(await turn.services.plugins.run_tool(spec, given, occasion_of(turn)))
    except WrongArguments as error:
        return _result(call, f"The arguments do not fit: {error}", error=True)
    except Told as error:
        return _result(call, str(error), error=True)
    except PluginTimedOut as error:
        log.warning("tool too slow", tool=spec.name, why=str(error))
        return _result(call, "The tool took too long.", error=True)
    except (PluginFailed, ClaudeError, BudgetExceeded, Unpriced) as error:
        log.warning("tool failed", tool=spec.name, why=str(error))
        return _result(call, "The tool failed.", error=True)
    except (TypeError, ValueError, RecursionError) as error:
        log.error(
            "a tool returned what JSON can't hold", tool=spec.name, error=type(error).__name__
        )
        return _result(call, "The tool failed.", error=True)
    passed = await filtered(
        turn, "inbound", _cut(returned, turn.services.settings.tools.max_result_chars)
    )
    if passed.blocked is not None:
        return _result(call, "A filter keeps from you what the tool returned.", error=True)
    return _result(call, passed.text)


def _exhausted(turn: TurnRun, rounds: int) -> bool:
    limits, spent = turn.services.settings.tools, turn.books.cost_nanousd
    return rounds > limits.max_rounds or (
        spent is not None and spent > limits.max_cost_usd * NANO_PER_DOLLAR
    )


def _question(spec: ToolSpec, given: Json) -> str:
    return notices.may_i(_readable(spec.name), plugin=spec.plugin, given=given)


def _readable(name: str) -> str:
    return name.partition("__")[2].replace("_", " ") or name


def _written(returned: Any) -> str:
    if returned is None:
        return "Done."
    if isinstance(returned, str):
        return returned
    if isinstance(returned, BaseModel):
        return returned.model_dump_json()
    return json.dumps(returned, ensure_ascii=False, default=str)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut off here: the result has {len(text):,} characters]"


def _result(call: Json, text: str, *, error: bool = False) -> Json:
    result: Json = {
        "type": "tool_result",
        "tool_use_id": call["id"],
        "content": [{"type": "text", "text": storable(text) or "(nothing)"}],
    }
    return {**result, "is_error": True} if error else result


def _text(result: Json) -> str:
    return "".join(str(block.get("text", "")) for block in result["content"])


def _marked(results: Sequence[Json], cache_ttl: str) -> list[Json]:
    """With a cache breakpoint at the end, for the next round."""
    mark = {"type": "ephemeral", "ttl": cache_ttl}
    return [*results[:-1], {**results[-1], "cache_control": mark}]


def _unmarked(messages: Sequence[Json]) -> list[Json]:
    """The messages without the breakpoints on results of earlier rounds: there may be four in all."""
    return [
        {**message, "content": [_without_mark(block) for block in message["content"]]}
        if _has_results(message)
        else message
        for message in messages
    ]


def _has_results(message: Json) -> bool:
    return any(block.get("type") == "tool_result" for block in message["content"])


def _without_mark(block: Json) -> Json:
    return {key: value for key, value in block.items() if key != "cache_control"}
