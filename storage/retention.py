"""Retention: what people said is deleted after an age; what it cost stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select, tuple_, update

from storage.tables import (
    AnswerRow,
    AttachmentRow,
    BudgetRow,
    ChoiceRow,
    InboxRow,
    MessageRow,
    RateChannelRow,
    RateSlotRow,
    RatingRow,
    ReplyMessageRow,
    ScheduleRow,
    ThreadRow,
    ToldRow,
    TurnRow,
)
from storage.turns import TurnStatus
from storage.upsert import table

RUNS_KEPT = timedelta(days=40)
"""So long it is known what ran when; a monthly job has run again by then."""

BATCH = 500
"""Rows per transaction: small, so that no turn waits long behind the sweep."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows one batch changed; `more` if another batch may find some."""

    rows: int
    more: bool


def sweep_texts(connection: Connection, *, before: datetime) -> Swept:
    """Delete up to a batch of each kind of text that is older than `before`."""
    replies, ratings, files = table(ReplyMessageRow), table(RatingRow), table(AttachmentRow)
    counts = [
        _forget_messages(connection, before),
        _forget_answers(connection, before),
        _forget_summaries(connection, before),
        _delete(connection, files, files.c.last_used_at < before),
        _delete(connection, replies, replies.c.posted_at < before),
        _delete(connection, ratings, ratings.c.made_at < before),
    ]
    return _swept(counts)


def sweep_inbox(connection: Connection, *, before: datetime) -> Swept:
    """Delete up to a batch of messages answered before `before`: duplicates are known that long."""
    inbox = table(InboxRow)
    return _swept([_delete(connection, inbox, inbox.c.done_at < before)])


def sweep_expired(connection: Connection, *, now: datetime, answers_before: datetime) -> Swept:
    """Delete up to a batch of each kind of row that has outlived its use."""
    answers, told, slots = table(AnswerRow), table(ToldRow), table(RateSlotRow)
    choices, budgets, channels = table(ChoiceRow), table(BudgetRow), table(RateChannelRow)
    runs = table(ScheduleRow)
    counts = [
        _delete(connection, answers, answers.c.created_at < answers_before),
        _delete(connection, told, told.c.until < now),
        _delete(connection, slots, slots.c.starts_at < answers_before),
        _delete(connection, budgets, budgets.c.ends_at < answers_before),
        _delete(connection, channels, channels.c.touched_at < answers_before),
        _delete(connection, runs, runs.c.started_at < now - RUNS_KEPT),
        _delete(connection, choices, choices.c.made_at < answers_before),
    ]
    return _swept(counts)


def _forget_messages(connection: Connection, before: datetime) -> int:
    messages = table(MessageRow)
    older = (messages.c.content.is_not(None), messages.c.created_at < before)
    return _empty(connection, messages, *older, columns=("content",))


def _forget_answers(connection: Connection, before: datetime) -> int:
    turns = table(TurnRow)
    older = (
        turns.c.opened_at < before,
        turns.c.status != TurnStatus.OPEN.value,
        or_(turns.c.answer.is_not(None), turns.c.footer.is_not(None)),
    )
    return _empty(connection, turns, *older, columns=("answer", "footer", "card"))


def _forget_summaries(connection: Connection, before: datetime) -> int:
    threads = table(ThreadRow)
    older = (threads.c.last_message_at < before, threads.c.summary.is_not(None))
    return _empty(connection, threads, *older, columns=("summary",))


def _swept(counts: Sequence[int]) -> Swept:
    return Swept(sum(counts), more=any(count == BATCH for count in counts))


def _delete(connection: Connection, rows: Table, *where: Any) -> int:
    return connection.execute(delete(rows).where(_some(rows, where))).rowcount


def _empty(connection: Connection, rows: Table, *where: Any, columns: Sequence[str]) -> int:
    nothing = dict.fromkeys(columns)
    return connection.execute(update(rows).where(_some(rows, where)).values(nothing)).rowcount


def _some(rows: Table, where: Sequence[Any]) -> Any:
    """The condition of being in the next batch. It names rows by their whole key: by a part of it, young
    ones would go with the old."""
    key = rows.primary_key.columns
    return tuple_(*key).in_(select(*key).where(*where).limit(BATCH))
