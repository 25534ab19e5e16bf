"""What was said in a thread, as it goes to the model. Append-only between trims."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from storage.tables import AttachmentRow, MessageRow
from storage.upsert import insert, table

messages = table(MessageRow)
attachments = table(AttachmentRow)

# What every turn runs is built once (see `storage.threads`).
_window = (
    select(messages.c.id, messages.c.role, messages.c.content, messages.c.tokens)
    .where(
        messages.c.thread_key == bindparam("thread_key"),
        messages.c.id >= bindparam("start"),
        messages.c.content.is_not(None),
    )
    .order_by(messages.c.id)
)
_new = messages.insert()


@dataclass(frozen=True, slots=True)
class NewSaid:
    """Something to be added: `role` is `user` or `assistant`, `content` the model's content blocks.

    `tokens` is an estimate of its size.
    """

    role: str
    content: tuple[dict[str, Any], ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Said:
    """Something in the history."""

    id: int
    role: str
    content: tuple[dict[str, Any], ...]
    tokens: int


def window(connection: Connection, thread_key: str, *, start: int) -> tuple[Said, ...]:
    """The thread's history from row `start` on, oldest first, less what retention has taken."""
    rows = connection.execute(_window, {"thread_key": thread_key, "start": start})
    return tuple(Said(row.id, row.role, tuple(json.loads(row.content)), row.tokens) for row in rows)


def append(
    connection: Connection, thread_key: str, said: Sequence[NewSaid], *, turn_id: str, now: datetime
) -> None:
    """Add to the end of the thread's history."""
    if not said:
        return
    connection.execute(
        _new,
        [
            {
                "thread_key": thread_key,
                "turn_id": turn_id,
                "role": each.role,
                "content": json.dumps(each.content, ensure_ascii=False, separators=(",", ":")),
                "tokens": each.tokens,
                "created_at": now,
            }
            for each in said
        ],
    )


def forget(connection: Connection, thread_key: str, turn_id: str) -> None:
    """Take back what a turn added, since its question will be asked again."""
    connection.execute(
        messages.delete().where(messages.c.thread_key == thread_key, messages.c.turn_id == turn_id)
    )


def keep_attachment(
    connection: Connection, content: bytes, media_type: str, *, now: datetime
) -> str:
    """Store the bytes of a file, once however often it is sent; returns their SHA-256 in hex."""
    sha256 = hashlib.sha256(content).hexdigest()
    connection.execute(
        insert(connection, attachments)
        .values(sha256=sha256, media_type=media_type, content=content, last_used_at=now)
        .on_conflict_do_update(index_elements=["sha256"], set_={"last_used_at": now})
    )
    return sha256


def attachments_of(
    connection: Connection, hashes: Sequence[str], *, now: datetime
) -> dict[str, tuple[str, bytes]]:
    """(media type, bytes) by hash, of those that are still there; they count as used now."""
    if not hashes:
        return {}
    rows = connection.execute(
        update(attachments)
        .where(attachments.c.sha256.in_(hashes))
        .values(last_used_at=now)
        .returning(attachments.c.sha256, attachments.c.media_type, attachments.c.content)
    )
    return {row.sha256: (row.media_type, row.content) for row in rows}
