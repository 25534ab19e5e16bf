"""How a turn ends: from what Claude said, or what went wrong, to what is shown and what is kept."""

import asyncio
from datetime import timedelta

import structlog

from bot.claude.cache_key import question_key, request_key
from bot.claude.errors import (
    ClaudeError,
    ContextTooLong,
    DeadlineExceeded,
    InvalidRequest,
    NotAuthorised,
    RequestTooLarge,
    SpendLimitReached,
)
from bot.claude.events import Completion
from bot.claude.prompt import Prompt, request_body
from bot.claude.tokens import estimate_tokens
from bot.engine import notices
from bot.engine.accounts import ChannelLimited
from bot.engine.fences import closed
from bot.engine.question import overheard
from bot.engine.turn_run import Deferred, TurnRun
from bot.ports import PlatformError
from bot.vocabulary import (
    NANO_PER_DOLLAR,
    Card,
    Closing,
    Fallback,
    StoredFile,
    TurnOutcome,
    storable,
)
from storage import answers, rate_limits, told
from storage.answers import KnownAnswer
from storage.errors import BudgetExceeded, Unpriced
from storage.history import NewSaid
from storage.turns import Answered

log = structlog.get_logger(__name__)

NOTICE_S = 10.0
FIRST_RETRY_S = 15.0
LONGEST_RETRY_S = 120.0

Foreseen = ClaudeError | ChannelLimited | BudgetExceeded | Unpriced


def completed(turn: TurnRun, completion: Completion) -> Answered:
    """The end of a turn that Claude answered, refused or could not finish."""
    closing = completion.closing
    turn.books.count(closing)
    text = f"{turn.spoken}{completion.text}"
    if completion.is_refusal:  # neither the question nor the refusal stays: they would provoke more
        return ended(
            turn,
            TurnOutcome.REFUSED,
            notices.REFUSED,
            model=completion.model,
            entry=closing,
            keep=False,
        )
    context_tokens = completion.usage.prompt_tokens + completion.usage.output_tokens
    if completion.is_cut_off:
        note = notices.cut_off(turn.channel_settings.claude.max_output_tokens)
        shown = f"{closed(text.rstrip())}\n\n{note}" if text.strip() else note
        outcome = TurnOutcome.CUT_OFF
    elif text.strip():
        shown, outcome = text, TurnOutcome.ANSWERED
    else:
        turn.detail = "empty answer"
        return ended(turn, TurnOutcome.FAILED, notices.failed(turn.id), entry=closing)
    return ended(
        turn,
        outcome,
        shown,
        said=completion.text,
        model=completion.model,
        entry=closing,
        context_tokens=context_tokens,
        footer=_footer(turn, completion.model),
        remembered=_remembered(turn, completion) if outcome is TurnOutcome.ANSWERED else None,
    )


def known(turn: TurnRun, answer: KnownAnswer) -> Answered:
    """The end of a turn whose exact request was answered before."""
    return ended(
        turn,
        TurnOutcome.CACHED,
        answer.markdown,
        said=answer.markdown,
        model=answer.model,
        footer=f"{answer.model} · from the answer cache · $0",
    )


def stopped(turn: TurnRun) -> Answered:
    """The end of a turn that a person stopped: what is there stays."""
    text = turn.text.rstrip()
    shown = f"{closed(text)}\n\n{notices.STOPPED}" if text else notices.NOTHING_TO_SAY
    return ended(turn, TurnOutcome.STOPPED, shown, said=text or None)


def ended(
    turn: TurnRun,
    outcome: TurnOutcome,
    answer: str | None,
    *,
    said: str | None = None,
    keep: bool = True,
    model: str | None = None,
    footer: str | None = None,
    entry: Closing | None = None,
    remembered: KnownAnswer | None = None,
    context_tokens: int | None = None,
    files: tuple[StoredFile, ...] = (),
    card: Card | None = None,
) -> Answered:
    """The end of a turn. `said` is what the history keeps as the bot's words; with `keep` false not
    even the question is kept, only what was said before the bot came. What no database takes is
    replaced: whoever said it, a turn that can't be written down would hold its thread."""
    return Answered(
        outcome=outcome,
        answer=None if answer is None else storable(answer),
        history=_history(turn, said) if keep else looked_back(turn),
        heard=tuple(message.author.id for message in turn.said_before or ()),
        model=model,
        footer=footer if turn.services.settings.replies.footer else None,
        detail=turn.detail,
        first_text_at=turn.first_text_at,
        entry=entry,
        remembered=remembered,
        window=turn.window,
        context_tokens=context_tokens,
        files=files,
        card=card,
        fallback=_fallback(turn, model) if entry is not None else None,
    )


def _history(turn: TurnRun, said: str | None) -> tuple[NewSaid, ...]:
    question = turn.question
    asked = looked_back(turn)
    if question is not None:
        asked = (NewSaid("user", question.content, question.tokens),)
    if not said:
        return (*asked, *turn.exchange)
    content = ({"type": "text", "text": storable(said)},)
    return (*asked, *turn.exchange, NewSaid("assistant", content, estimate_tokens(said)))


def looked_back(turn: TurnRun) -> tuple[NewSaid, ...]:
    """What the history keeps of a turn whose question it does not: what was said before the bot came."""
    if not turn.before:
        return ()
    said = overheard(turn.before)
    return (NewSaid("user", said.content, said.tokens),)


def _fallback(turn: TurnRun, model: str | None) -> Fallback | None:
    """Why it was not the channel's model that answered, if it was not."""
    if model is None or model == turn.channel_settings.claude.model:
        return None
    return Fallback.BUDGET if turn.downgraded else Fallback.OUTAGE


async def foreseen(turn: TurnRun, error: Foreseen) -> Answered:
    """The end of a turn that could not be answered. Raises `Deferred` if it is to be tried again."""
    match error:
        case ChannelLimited():
            return await _limited(turn, error)
        case BudgetExceeded(held=True):
            return ended(turn, TurnOutcome.OVER_BUDGET, notices.set_aside())
        case BudgetExceeded():
            turn.services.books.refused(error.budget)
            zone = turn.services.settings.operators.zone
            return ended(
                turn, TurnOutcome.OVER_BUDGET, notices.over_budget(error.resets_at, zone=zone)
            )
        case Unpriced():
            turn.detail = "price not known"
            return ended(turn, TurnOutcome.FAILED, notices.unpriced(turn.id))
        case ClaudeError():
            turn.detail = error.kind
            return await _unanswered(turn, error)


async def _limited(turn: TurnRun, error: ChannelLimited) -> Answered:
    limits = turn.channel_settings.limits
    wait_s = max(0.0, (error.until - turn.services.database.now()).total_seconds())
    limit, per_s = limits.channel_messages, limits.channel_per_s
    if limits.on_limit == "queue" and wait_s <= limits.max_wait_s:
        raise Deferred(error.until, notices.queued(wait_s, limit=limit, per_s=per_s))
    await turn.services.database.write(rate_limits.give_back, turn.id)  # it will not come back
    sentence = notices.limited(wait_s, limit=limit, per_s=per_s)
    heard = await _turn_away(turn, sentence, for_s=per_s)
    return ended(turn, TurnOutcome.LIMITED, None if heard else sentence, keep=False)


async def _turn_away(turn: TurnRun, sentence: str, *, for_s: float) -> bool:
    """Tell the person, once in so many seconds, that the channel's limit is reached; false if that has
    to be said in a reply, because it can't be in another way."""
    database, now = turn.services.database, turn.services.database.now()
    key = f"limited|{turn.channel.key}|{turn.asker.id}"
    until = now + timedelta(seconds=for_s)
    if not await database.write(told.tell_once, key, now=now, until=until):
        return True
    try:
        async with asyncio.timeout(NOTICE_S):
            await turn.adapter.notice(
                turn.work.held.thread, turn.asker, sentence, f"{turn.id}.limit"
            )
    except (PlatformError, TimeoutError) as error:
        log.warning("the limit could not be told", error=str(error))
        return False
    return True


async def _unanswered(turn: TurnRun, error: ClaudeError) -> Answered:
    if error.outage:
        return await _in_an_outage(turn, error)
    if isinstance(error, NotAuthorised | SpendLimitReached):
        return ended(turn, TurnOutcome.FAILED, notices.out_of_service(turn.id))
    if isinstance(error, ContextTooLong | RequestTooLarge):
        limit = turn.services.settings.context.max_input_tokens
        tokens = turn.question.tokens if turn.question else 0
        return ended(turn, TurnOutcome.TOO_LONG, notices.too_long(tokens, limit=limit), keep=False)
    refused = isinstance(error, InvalidRequest)  # as it would be at every later turn of the thread
    if refused:
        turn.before = ()  # for it may be this that was refused
    return ended(turn, TurnOutcome.FAILED, notices.failed(turn.id), keep=not refused)


async def _in_an_outage(turn: TurnRun, error: ClaudeError) -> Answered:
    """An older answer to the same question, else later, else a sentence."""
    older = await _older_answer(turn)
    if older is not None:
        zone = turn.services.settings.operators.zone
        heading = notices.given_before(older.created_at, zone=zone)
        return ended(
            turn,
            TurnOutcome.CACHED,
            f"{heading}\n\n{older.markdown}",
            said=older.markdown,
            model=older.model,
        )
    age_s = turn.age_s()
    if age_s < turn.channel_settings.claude.outage_patience_s:
        wait_s = min(max(FIRST_RETRY_S, age_s), LONGEST_RETRY_S)
        until = turn.services.database.now() + timedelta(seconds=wait_s)
        raise Deferred(until, notices.postponed(turn.id))
    sentence = notices.too_slow if isinstance(error, DeadlineExceeded) else notices.failed
    return ended(turn, TurnOutcome.FAILED, sentence(turn.id))


async def _older_answer(turn: TurnRun) -> KnownAnswer | None:
    cache = turn.services.settings.cache
    if not cache.answers or not _stands_by_itself(turn):
        return None
    since = turn.services.database.now() - timedelta(seconds=cache.max_age_s)
    return await turn.services.database.read(
        answers.same_question, _question_key(turn), since=since
    )


def _remembered(turn: TurnRun, completion: Completion) -> KnownAnswer | None:
    if not turn.request_key or turn.prompt is None or turn.exchange:
        return None  # what tools found may be otherwise the next time
    by_another = completion.model != turn.channel_settings.claude.model
    return KnownAnswer(
        key=key_of(turn, turn.prompt, completion.model) if by_another else turn.request_key,
        question_key=_question_key(turn) if _stands_by_itself(turn) else "",
        model=completion.model,
        markdown=completion.text,
        created_at=turn.services.database.now(),
    )


def key_of(turn: TurnRun, prompt: Prompt, model_id: str) -> str:
    """The key of exactly this request to this model."""
    model = turn.services.settings.models.get(model_id)
    return request_key(request_body(prompt, model_id=model_id, model=model))


def _stands_by_itself(turn: TurnRun) -> bool:
    """The question's words are all there is to it: no files, and nothing said before."""
    files = any(message.attachments for message in turn.messages)
    return not (files or turn.said or turn.summary) and len(turn.asked.content) == 1


def _question_key(turn: TurnRun) -> str:
    system = turn.channel_settings.claude.system_prompt
    return question_key(turn.question_text, system=system, scope=turn.channel.key)


def _footer(turn: TurnRun, model: str) -> str:
    used, nanousd = turn.books.used, turn.books.cost_nanousd
    cost = "cost not known" if nanousd is None else f"${nanousd / NANO_PER_DOLLAR:.4f}"
    return f"{model} · {used.prompt_tokens:,} tokens in, {used.output_tokens:,} out · {cost}"
