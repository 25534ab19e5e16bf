"""What happens to a question, step by step. This is the list to read first.

Each step finds something out and notes it on the turn, or ends the turn by returning its ending. What
they raise is turned into an ending by `endings.foreseen`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.claude.errors import ContextTooLong
from bot.claude.events import Completion, Restarted, TextDelta
from bot.claude.tokens import estimate_tokens
from bot.engine import endings, notices, tool_rounds
from bot.engine.fitting import build_prompt, fit
from bot.engine.model_choice import use_chosen_model
from bot.engine.plugin_steps import (
    announce,
    filter_question,
    filtered_context,
    filtered_files,
    one_at_a_time,
    take_command,
)
from bot.engine.question import question_of, with_files_named
from bot.engine.turn_run import TurnRun
from bot.engine.turn_surroundings import occasion_of
from bot.ports import PlatformError, ThreadGone
from bot.vocabulary import Message, TurnOutcome
from storage import answers, history
from storage.turns import Answered

log = structlog.get_logger(__name__)

Step = Callable[[TurnRun], Awaitable[Answered | None]]

LOOK_BACK_S = 10.0
MOST_BEFORE = 200
"""Of the messages said before the bot came, at most so many of the newest are taken along."""

INTRODUCE_S = 5.0
"""An answer does not wait longer to know its asker's name."""

SPEAKER_TOKENS = 8
"""About what a speaker's name takes."""

DELIVERY_RESERVE_S = 5.0
"""Kept back from the turn's time, so that what was answered can still be shown within it."""


async def listen_only(turn: TurnRun) -> Answered | None:
    """Among several people the bot waits for a mention, but remembers what was said."""
    if any(message.addressed for message in turn.messages):
        return None
    if await _is_meant(turn):
        return None
    for step in (introduce, filter_question, look_back):  # it goes to Claude with a later question
        blocked = await step(turn)
        if blocked is not None:
            return blocked
    overheard = [replace(each, text=with_files_named(each)) for each in turn.messages]
    turn.question = question_of(overheard, earlier=turn.before, files=())
    return endings.ended(turn, TurnOutcome.NOTED, None)


async def introduce(turn: TurnRun) -> Answered | None:
    """Learn who speaks: events say too little, and their arrival could not wait for more."""
    for message in turn.messages:
        try:
            async with asyncio.timeout(INTRODUCE_S):
                turn.introduced[message.id] = await turn.adapter.introduce(message)
        except (PlatformError, TimeoutError) as error:
            log.warning("not introduced", error=str(error))
    return None


async def look_back(turn: TurnRun) -> Answered | None:
    """Learn what was said in a thread to which the bot comes for the first time, as filters let it
    through: the newest of it, in at most half of what may be sent."""
    if turn.work.held.has_come:
        return None
    limit = turn.services.settings.context.max_input_tokens
    said = _newest(await _said_before(turn), tokens=limit // 2)
    turn.before = await filtered_context(turn, said[-MOST_BEFORE:])
    return None


async def give_feedback(turn: TurnRun) -> Answered | None:
    """Show at once that the bot is at it."""
    await turn.reply.begin()
    return None


async def read_question(turn: TurnRun) -> Answered | None:
    """Read what is asked, with its files."""
    now = turn.services.database.now()
    files = tuple(file for message in turn.messages for file in message.attachments)
    read = await turn.services.reader.read(turn.adapter, files, now=now)
    readings, blocked = await filtered_files(turn, read)
    if blocked is not None:
        return endings.ended(turn, TurnOutcome.BLOCKED, blocked, keep=False)
    limit = turn.services.settings.context.max_input_tokens
    turn.question = question_of(turn.messages, earlier=turn.before, files=readings)
    if turn.question.tokens <= limit:
        return None
    return endings.ended(
        turn, TurnOutcome.TOO_LONG, notices.too_long(turn.question.tokens, limit=limit), keep=False
    )


async def read_history(turn: TurnRun) -> Answered | None:
    """Read the thread's history window, trimmed if it has grown too large."""
    held = turn.work.held
    turn.summary = held.summary
    turn.said = await turn.services.database.look(
        history.window, held.fence.thread_key, start=held.window_start
    )
    turn.tools = await turn.services.plugins.tools(occasion_of(turn))
    await fit(turn)
    turn.prompt = await build_prompt(turn)
    return None


async def give_known_answer(turn: TurnRun) -> Answered | None:
    """Answer exactly the same request from the database, at no cost."""
    services, model_id = turn.services, turn.channel_settings.claude.model
    if not services.settings.cache.answers or turn.prompt is None:
        return None
    turn.request_key = endings.key_of(turn, turn.prompt, model_id)
    since = services.database.now() - timedelta(seconds=services.settings.cache.max_age_s)
    answer = await services.database.look(answers.same_request, turn.request_key, since=since)
    services.metrics.answer_cache_asked(hit=answer is not None)
    return None if answer is None else endings.known(turn, answer)


async def ask_claude(turn: TurnRun) -> Answered | None:
    """Ask, show the text as it comes, and take the answer for what it is."""
    try:
        completion = await tool_rounds.answer(turn, _stream)
    except ContextTooLong:
        if turn.exchange:
            raise
        await fit(turn, halve=True)
        turn.prompt = await build_prompt(turn)
        completion = await tool_rounds.answer(turn, _stream)
    return endings.completed(turn, completion)


STEPS: Sequence[Step] = (
    one_at_a_time,
    announce,
    listen_only,
    give_feedback,
    introduce,
    use_chosen_model,
    filter_question,
    look_back,
    take_command,
    read_question,
    read_history,
    give_known_answer,
    ask_claude,
)


def _newest(said: Sequence[Message], *, tokens: int) -> Sequence[Message]:
    """The newest of what was said, as far as it has so many tokens."""
    for index in range(len(said) - 1, -1, -1):
        tokens -= estimate_tokens(said[index].text) + SPEAKER_TOKENS
        if tokens < 0:
            return said[index + 1 :]
    return said


async def _is_meant(turn: TurnRun) -> bool:
    """Whether messages that don't address the bot are for it all the same."""
    policy = turn.channel_settings.threads.followups
    if policy != "auto":
        return policy == "always"
    heard = {*turn.work.held.speakers, *(message.author.id for message in turn.messages)}
    if len(heard) == 1 and not turn.work.held.has_come:
        heard |= {message.author.id for message in await _said_before(turn)}
    return len(heard) == 1


async def _said_before(turn: TurnRun) -> Sequence[Message]:
    """What people said in the thread before this turn; their platform is asked once."""
    if turn.said_before is None:
        try:
            async with asyncio.timeout(LOOK_BACK_S):
                turn.said_before = await turn.adapter.said_before(turn.messages[0])
        except (PlatformError, TimeoutError) as error:
            log.warning("what was said before can't be had", error=str(error))
            turn.said_before = ()
    return turn.said_before


async def _stream(turn: TurnRun, models: Sequence[str]) -> Completion:
    assert turn.prompt is not None, "the history is read before Claude is asked"
    reserve_s = min(DELIVERY_RESERVE_S, turn.remaining_s() / 4)
    answer = turn.services.claude.answer(
        turn.prompt,
        models=models,
        attribution=turn.attribution("answer"),
        books=turn.books,
        deadline=turn.deadline - reserve_s,
    )
    async with aclosing(answer) as events:
        async for event in events:
            match event:
                case TextDelta(text=text):
                    _show(turn, turn.text + text)
                case Restarted():
                    turn.text = turn.spoken
                case Completion(closing=closing):
                    turn.owed = closing
                    return event
    raise AssertionError("an answer ends with its completion or an error")


def _show(turn: TurnRun, text: str) -> None:
    if isinstance(turn.reply.lost, ThreadGone):
        raise turn.reply.lost  # nobody would read what is paid for
    turn.text = text
    if turn.first_text_at is None:
        turn.first_text_at = turn.services.database.now()
    if not turn.held_back:
        turn.reply.update(text)
