"""Retention: what people said is deleted after an age; what it cost stays."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select, update

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
    messages, turns, threads = table(MessageRow), table(TurnRow), table(ThreadRow)
    counts = [
        _update(
            connection,
            messages,
            messages.c.id,
            [messages.c.content.is_not(None), messages.c.created_at < before],
            content=None,
        ),
        _update(
            connection,
            turns,
            turns.c.id,
            [
                turns.c.opened_at < before,
                turns.c.status != "open",
                or_(turns.c.answer.is_not(None), turns.c.footer.is_not(None)),
            ],
            answer=None,
            footer=None,
            card=None,
        ),
        _update(
            connection,
            threads,
            threads.c.key,
            [threads.c.last_message_at < before, threads.c.summary.is_not(None)],
            summary=None,
        ),
        _delete(
            connection,
            table(AttachmentRow),
            table(AttachmentRow).c.sha256,
            [table(AttachmentRow).c.last_used_at < before],
        ),
        _delete(
            connection,
            table(ReplyMessageRow),
            table(ReplyMessageRow).c.message_key,
            [table(ReplyMessageRow).c.posted_at < before],
        ),
        _delete(
            connection,
            table(RatingRow),
            table(RatingRow).c.turn_id,
            [table(RatingRow).c.made_at < before],
        ),
    ]
    return Swept(sum(counts), more=any(count == BATCH for count in counts))


def sweep_inbox(connection: Connection, *, before: datetime) -> Swept:
    """Delete up to a batch of messages answered before `before`: duplicates are known that long."""
    inbox = table(InboxRow)
    count = _delete(connection, inbox, inbox.c.id, [inbox.c.done_at < before])
    return Swept(count, more=count == BATCH)


def sweep_expired(connection: Connection, *, now: datetime, answers_before: datetime) -> Swept:
    """Delete up to a batch of each kind of row that has outlived its use."""
    answers, told, slots = table(AnswerRow), table(ToldRow), table(RateSlotRow)
    choices, budgets, channels = table(ChoiceRow), table(BudgetRow), table(RateChannelRow)
    runs = table(ScheduleRow)
    counts = [
        _delete(connection, answers, answers.c.key, [answers.c.created_at < answers_before]),
        _delete(connection, told, told.c.key, [told.c.until < now]),
        _delete(connection, slots, slots.c.turn_id, [slots.c.starts_at < answers_before]),
        _delete(connection, budgets, budgets.c.key, [budgets.c.ends_at < answers_before]),
        _delete(connection, channels, channels.c.key, [channels.c.touched_at < answers_before]),
        _delete(connection, runs, runs.c.name, [runs.c.started_at < now - RUNS_KEPT]),
        _delete(connection, choices, choices.c.id, [choices.c.made_at < answers_before]),
    ]
    return Swept(sum(counts), more=any(count == BATCH for count in counts))


def _delete(connection: Connection, rows: Table, key: Any, where: list[Any]) -> int:
    some = select(key).where(*where).limit(BATCH).scalar_subquery()
    return connection.execute(delete(rows).where(key.in_(some))).rowcount


def _update(connection: Connection, rows: Table, key: Any, where: list[Any], **values: Any) -> int:
    some = select(key).where(*where).limit(BATCH).scalar_subquery()
    return connection.execute(update(rows).where(key.in_(some)).values(**values)).rowcount
