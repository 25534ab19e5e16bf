"""Making a thread's history fit: trims in blocks, with a summary in place of what is taken away."""

import structlog

from bot.claude.errors import ClaudeError
from bot.claude.events import Completion
from bot.claude.prompt import Prompt
from bot.claude.tokens import estimate_tokens
from bot.engine.budget_room import when_there_is_room
from bot.engine.turn_run import Json, TurnRun
from bot.engine.window import SUMMARY_INSTRUCTIONS, cut, messages_of, stored_files
from storage import history
from storage.errors import BudgetExceeded, Unpriced
from storage.history import Said
from storage.turns import Window

log = structlog.get_logger(__name__)

SUMMARY_OUTPUT_TOKENS = 1500
SUMMARY_SHARE = 0.5
"""Of the time the turn has left: a summary that takes longer is done without."""

EXACT_ABOVE = 0.9
"""Of the limit: from here on the size is asked for instead of estimated."""


async def fit(turn: TurnRun, *, halve: bool = False) -> None:
    """Trim the window if it is larger than the limit, or in any case if `halve`.

    What is cut away is replaced by a summary; where none can be had, the older one stays.
    """
    question = turn.asked
    limit = turn.services.settings.context.max_input_tokens
    size = _size(turn)
    if not halve and size + question.tokens <= limit * EXACT_ABOVE:
        return
    if not turn.said or (not halve and await _counted(turn) <= limit):
        return
    estimated = sum(each.tokens for each in turn.said) or 1
    keep_tokens = max(0.0, min(limit, size) / 2 - question.tokens) * estimated / max(size, 1)
    division = cut(turn.said, keep_tokens=keep_tokens)
    if not division.dropped:
        return
    turn.summary = await _summary(turn, division.dropped) or turn.summary
    turn.said = division.kept
    turn.window = Window(start=_start(division.dropped, division.kept), summary=turn.summary)
    log.info("history trimmed", dropped=len(division.dropped), kept=len(division.kept))


async def build_prompt(turn: TurnRun) -> Prompt:
    """The request as it goes to Claude, with the bytes of its files."""
    claude = turn.channel_settings.claude
    contents = [*(each.content for each in turn.said), turn.asked.content]
    files = await _files(turn, contents)
    return Prompt(
        system=claude.system_prompt,
        messages=messages_of(
            turn.said,
            turn.asked.content,
            summary=turn.summary,
            files=files,
            cache_ttl=claude.cache_ttl,
            with_tools=bool(turn.tools),
        ),
        tools=[tool.definition() for _, tool in sorted(turn.tools.items())],
        max_output_tokens=claude.max_output_tokens,
        effort=claude.effort,
        thinking=claude.thinking,
        cache_ttl=claude.cache_ttl,
    )


async def _summary(turn: TurnRun, dropped: tuple[Said, ...]) -> str | None:
    """What the fallback model makes of the part that is cut away; None if it can't be had."""
    claude = turn.channel_settings.claude
    asked = [{"type": "text", "text": SUMMARY_INSTRUCTIONS}]
    files = await _files(turn, [each.content for each in dropped])
    prompt = Prompt(
        messages=messages_of(dropped, asked, summary=turn.summary, files=files, cache_ttl=None),
        max_output_tokens=SUMMARY_OUTPUT_TOKENS,
        effort=claude.effort,
        thinking=claude.thinking,
    )

    async def written() -> Completion:
        summariser = turn.services.claude.bound(
            attribution=turn.attribution("summary"),
            books=turn.books,
            models=tuple(reversed(claude.models)),  # the cheapest of the chain is its last
            deadline_s=turn.remaining_s() * SUMMARY_SHARE,  # which is less after a wait for room
        )
        return await summariser.ask(prompt)

    try:
        return (await when_there_is_room(turn, written)).text.strip() or None
    except (ClaudeError, BudgetExceeded, Unpriced) as error:
        log.warning("history trimmed without a summary", error=type(error).__name__)
        return None


async def _counted(turn: TurnRun) -> int:
    """The size of the whole prompt as the provider counts it."""
    prompt = await build_prompt(turn)
    model = turn.channel_settings.claude.model
    return (await turn.services.claude.count_tokens(prompt, model=model)).tokens


def _size(turn: TurnRun) -> int:
    """Tokens of what came before the question: as reported at the last turn, else estimated."""
    estimated = sum(each.tokens for each in turn.said) + estimate_tokens(turn.summary or "")
    return max(turn.work.held.context_tokens, estimated)  # something may have been said since


def _start(dropped: tuple[Said, ...], kept: tuple[Said, ...]) -> int:
    return kept[0].id if kept else dropped[-1].id + 1


async def _files(turn: TurnRun, contents: list[tuple[Json, ...]]) -> dict[str, tuple[str, bytes]]:
    hashes = stored_files(contents)
    if not hashes:
        return {}
    database = turn.services.database
    return await database.write(history.attachments_of, hashes, now=database.now())
