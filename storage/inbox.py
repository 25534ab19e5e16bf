"""The inbox: every message that arrived, once, until it is answered."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from bot.vocabulary import (
    Attachment,
    Channel,
    Message,
    message_from_json,
    message_key,
    message_to_json,
    thread_to_json,
)
from storage import threads
from storage.database import notify
from storage.errors import DuplicateMessage
from storage.tables import InboxRow
from storage.upsert import insert_on, table

inbox = table(InboxRow)

TURN_MESSAGES = 50
"""At most so many waiting messages are answered together; the rest are the next turn's."""

# What every turn runs is built once (see `storage.threads`).
_waiting = (
    select(inbox.c.id, inbox.c.payload, inbox.c.received_at)
    .where(inbox.c.thread_key == bindparam("of_thread"), inbox.c.done_at.is_(None))
    .order_by(inbox.c.id)
    .limit(TURN_MESSAGES)
)
_ranked = (
    select(
        inbox.c.id,
        inbox.c.thread_key,
        inbox.c.payload,
        inbox.c.received_at,
        func.row_number().over(partition_by=inbox.c.thread_key, order_by=inbox.c.id).label("rank"),
    )
    .where(
        inbox.c.thread_key.in_(bindparam("in_threads", expanding=True)), inbox.c.done_at.is_(None)
    )
    .subquery("ranked")
)
_waiting_in = select(_ranked).where(_ranked.c.rank <= TURN_MESSAGES).order_by(_ranked.c.id)
_set_all = update(inbox).where(inbox.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits to be answered."""

    id: int
    message: Message
    received_at: datetime


def put(connection: Connection, message: Message, *, now: datetime) -> bool:
    """Store a message and make its thread claimable.

    The thread row comes first: its lock makes the order of commits the order of ids.

    Returns:
        False if it is none of our business: it does not address the bot, and the bot takes no part in
        its thread.

    Raises:
        DuplicateMessage: it is known already; the transaction must roll back.
    """
    return put_all(connection, [message], now=now) == 1


def put_all(connection: Connection, messages: Sequence[Message], *, now: datetime) -> int:
    """As `put`, for several messages in their order; how many of them are our business."""
    ours = _touch_threads(connection, messages, now=now)
    if not ours:
        return 0
    rows = [
        {
            "message_key": message.key,
            "thread_key": message.thread.key,
            "payload": message_to_json(message),
            "received_at": now,
        }
        for message in ours
    ]
    stored = connection.execute(_new_message(connection.dialect.name), rows).all()
    if len(stored) < len(ours):
        raise DuplicateMessage(f"one of {[message.key for message in ours]} arrived before")
    notify(connection, but_us=True)
    return len(ours)


def is_known(connection: Connection, message_key: str) -> bool:
    """Whether the message arrived before."""
    found = select(inbox.c.id).where(inbox.c.message_key == message_key)
    return connection.execute(found).first() is not None


def turn_of(connection: Connection, message_key: str) -> str | None:
    """The id of the turn that answered a message, if one did."""
    found = select(inbox.c.turn_id).where(inbox.c.message_key == message_key)
    turn_id: str | None = connection.execute(found).scalar_one_or_none()
    return turn_id


def revise(
    connection: Connection,
    channel: Channel,
    message_id: str,
    *,
    text: str,
    attachments: tuple[Attachment, ...],
    now: datetime,
) -> str | None:
    """Replace the text of a message that is not answered yet; its thread's key, or None if it is."""
    row = _unanswered(connection, channel, message_id)
    if row is None:
        return None
    old = message_from_json(row.payload)
    new = replace(old, text=text, attachments=attachments)
    if new == old:
        return None
    return _change(connection, row, now=now, payload=message_to_json(new))


def withdraw(
    connection: Connection, channel: Channel, message_id: str, *, now: datetime
) -> str | None:
    """Drop a message that is not answered yet; its thread's key, or None if there is none."""
    row = _unanswered(connection, channel, message_id)
    if row is None:
        return None
    return _change(connection, row, now=now, done_at=now)


def waiting(connection: Connection, thread_key: str) -> tuple[Waiting, ...]:
    """The thread's unanswered messages in the order of arrival, at most `TURN_MESSAGES`."""
    return read(connection.execute(_waiting, {"of_thread": thread_key}))


def waiting_in(connection: Connection, thread_keys: Sequence[str]) -> dict[str, list[Any]]:
    """The same for several threads, by their keys, as `read` takes it."""
    found: dict[str, list[Any]] = {}
    if not thread_keys:
        return found
    if len(thread_keys) == 1:
        key = thread_keys[0]
        return {key: list(connection.execute(_waiting, {"of_thread": key}))}
    for row in connection.execute(_waiting_in, {"in_threads": _few_sizes(thread_keys)}):
        found.setdefault(row.thread_key, []).append(row)
    return found


def read(rows: Iterable[Any]) -> tuple[Waiting, ...]:
    """Messages as they are stored. Raises `pydantic.ValidationError` if another release wrote them."""
    return tuple(Waiting(row.id, message_from_json(row.payload), row.received_at) for row in rows)


def _few_sizes(keys: Sequence[str]) -> list[str]:
    """The keys, some of them more than once: each length is a statement to be prepared anew."""
    size = 1
    while size < len(keys):
        size *= 4
    return [*keys, *itertools.repeat(keys[0], size - len(keys))]


def answered(
    connection: Connection, messages: tuple[Waiting, ...], *, turn_id: str, now: datetime
) -> None:
    """Mark messages as answered by a turn."""
    ids = [waiting.id for waiting in messages]
    connection.execute(_set_all, {"ids": ids, "done_at": now, "turn_id": turn_id})


def of_turn(connection: Connection, turn_id: str) -> tuple[Message, ...]:
    """The messages a turn answered."""
    rows = connection.execute(
        select(inbox.c.payload).where(inbox.c.turn_id == turn_id).order_by(inbox.c.id)
    )
    return tuple(message_from_json(row.payload) for row in rows)


def reopen(connection: Connection, turn_id: str) -> int:
    """Let a turn's messages wait again, for an operator's retry; how many there are."""
    return connection.execute(
        update(inbox).where(inbox.c.turn_id == turn_id).values(done_at=None, turn_id=None)
    ).rowcount


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits, and since when."""

    waiting: int
    oldest_received_at: datetime | None


def depth(connection: Connection) -> Depth:
    """Count what waits."""
    count, oldest = connection.execute(
        select(func.count(), func.min(inbox.c.received_at)).where(inbox.c.done_at.is_(None))
    ).one()
    return Depth(count, oldest)


def _touch_threads(
    connection: Connection, messages: Sequence[Message], *, now: datetime
) -> list[Message]:
    """Create or wake the messages' threads; those messages that are our business, in their order."""
    in_order = sorted(messages, key=_thread_key)  # as any other replica locks them
    if all(message.addressed for message in in_order):
        _wake_or_make(connection, in_order, now=now)
        return list(messages)
    strangers = {message.key for message in in_order if not _touch(connection, message, now=now)}
    return [message for message in messages if message.key not in strangers]


def _touch(connection: Connection, message: Message, *, now: datetime) -> bool:
    if message.addressed:
        _wake_or_make(connection, [message], now=now)
        return True
    key = message.thread.key
    return threads.wake(connection, key, now=now, revise=False, **_last(message))


def _wake_or_make(connection: Connection, messages: Sequence[Message], *, now: datetime) -> None:
    rows = [
        {
            "key": message.thread.key,
            "platform": message.thread.channel.platform,
            "channel_key": message.thread.channel.key,
            "payload": thread_to_json(message.thread),
            "claimable_at": now,
            **_last(message),
        }
        for message in messages
    ]
    connection.execute(_new_or_known_thread(connection.dialect.name), rows)


def _thread_key(message: Message) -> str:
    return message.thread.key


def _last(message: Message) -> dict[str, Any]:
    return {"last_message_id": message.id, "last_message_at": message.sent_at}


@cache
def _new_or_known_thread(dialect: str) -> Any:
    """Insert a thread, or wake it as `threads.wake` does."""
    known, new = threads.threads.c, insert_on(dialect, threads.threads)
    values = {
        "claimable_at": func.coalesce(known.claimable_at, new.excluded.claimable_at),
        "last_message_id": new.excluded.last_message_id,
        "last_message_at": new.excluded.last_message_at,
    }
    return new.on_conflict_do_update(index_elements=["key"], set_=values)


@cache
def _new_message(dialect: str) -> Any:
    """Insert a message, unless it is known."""
    new = insert_on(dialect, inbox).on_conflict_do_nothing(index_elements=["message_key"])
    return new.returning(inbox.c.id)


def _unanswered(connection: Connection, channel: Channel, message_id: str) -> Any:
    return connection.execute(
        select(inbox.c.id, inbox.c.thread_key, inbox.c.payload).where(
            inbox.c.message_key == message_key(channel, message_id), inbox.c.done_at.is_(None)
        )
    ).one_or_none()


def _change(connection: Connection, row: Any, *, now: datetime, **values: Any) -> str | None:
    """Change a waiting message under its thread's lock; None if it was answered in the meantime."""
    threads.wake(connection, row.thread_key, now=now, revise=True)
    changed = connection.execute(
        update(inbox).where(inbox.c.id == row.id, inbox.c.done_at.is_(None)).values(**values)
    )
    notify(connection)
    return str(row.thread_key) if changed.rowcount else None
