"""Which platform messages are the bot's replies: how an answer to one of them finds its thread."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from bot.vocabulary import Channel, Thread, message_key, thread_from_json
from storage.tables import ReplyMessageRow, ThreadRow
from storage.upsert import insert_on, table

messages = table(ReplyMessageRow)
threads = table(ThreadRow)


def remember(
    connection: Connection, thread: Thread, message_ids: Sequence[str], *, now: datetime
) -> None:
    """Keep that these messages belong to replies in the thread; those that are known stay as they are."""
    if not message_ids:
        return
    rows = [
        {
            "message_key": message_key(thread.channel, message_id),
            "thread_key": thread.key,
            "posted_at": now,
        }
        for message_id in message_ids
    ]
    connection.execute(_new(connection.dialect.name), rows)


def thread_of(connection: Connection, channel: Channel, message_id: str) -> Thread | None:
    """The thread in which this message is part of a reply."""
    payload = connection.execute(
        select(threads.c.payload)
        .join(messages, messages.c.thread_key == threads.c.key)
        .where(messages.c.message_key == message_key(channel, message_id))
    ).scalar_one_or_none()
    return None if payload is None else thread_from_json(payload)


@cache
def _new(dialect: str) -> Any:
    """Insert a message, unless it is known."""
    return insert_on(dialect, messages).on_conflict_do_nothing(index_elements=["message_key"])
