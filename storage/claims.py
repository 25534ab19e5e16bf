"""Claiming threads whose turn has come, and beginning or resuming a turn in each."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection

from storage import inbox, ledger, threads, turns
from storage.inbox import Waiting
from storage.ledger import PriceOf
from storage.tables import TurnRow
from storage.threads import HeldThread
from storage.turns import Turn, TurnStatus, Work
from storage.upsert import table

log = structlog.get_logger(__name__)

_new = table(TurnRow).insert()

UNREADABLE = timedelta(hours=1)
"""After so long a thread that could not be read is looked at again: a newer release may run by then."""


def take(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    lease_s: float,
    limit: int,
    new_id: Callable[[], str],
    price_of: PriceOf,
    platforms: Sequence[str],
) -> list[Work]:
    """Claim up to `limit` threads of these platforms, and begin or resume a turn in each.

    One that can't be read, since another release wrote it, is set aside and holds up no other.
    """
    rows = threads.claim(
        connection, owner=owner, now=now, lease_s=lease_s, limit=limit, platforms=platforms
    )
    waiting = inbox.waiting_in(connection, [row.key for row in rows])
    works = []
    for row in rows:
        try:
            held = threads.held(row)
            messages = inbox.read(waiting.get(row.key, ()))
            resumed = _resumed(connection, held, messages, now=now, price_of=price_of)
        except ValidationError as error:
            log.error("thread can't be read and is set aside", thread=row.key, why=error.title)
            threads.set_aside(connection, row.key, until=now + UNREADABLE)
            continue
        if resumed is not None:
            works.append(resumed)
        elif messages:
            works.append(Work(held, _new_turn(held, new_id(), now), messages, resumed=False))
        else:
            threads.let_go(connection, held.fence, now=now, turn_ended=True)
    _write_down(connection, [work for work in works if not work.resumed])
    return works


def _resumed(
    connection: Connection,
    held: HeldThread,
    messages: tuple[Waiting, ...],
    *,
    now: datetime,
    price_of: PriceOf,
) -> Work | None:
    """The turn that was begun before, if there is one; whoever ran it has no requests any more."""
    if held.turn_id is None:
        return None
    ledger.close_abandoned(connection, now=now, price_of=price_of, turn_id=held.turn_id)
    turn = turns.get(connection, held.turn_id)
    return None if turn is None else Work(held, turn, messages, resumed=True)


def _new_turn(held: HeldThread, turn_id: str, now: datetime) -> Turn:
    return Turn(turn_id, held.fence.thread_key, TurnStatus.OPEN, opened_at=now)


def _write_down(connection: Connection, works: Sequence[Work]) -> None:
    """The turns that begin, all at once: many threads are claimed together under load."""
    if works:
        connection.execute(_new, [_row(work) for work in works])
        threads.begin(connection, {work.held.fence.thread_key: work.turn.id for work in works})


def _row(work: Work) -> dict[str, Any]:
    last = work.messages[-1].message
    channel = last.thread.channel
    return {
        "id": work.turn.id,
        "thread_key": work.turn.thread_key,
        "channel_key": channel.key,
        "workspace_key": channel.workspace_key,
        "person_key": last.author.key_in(channel.workspace_key),
        "status": work.turn.status.value,
        "opened_at": work.turn.opened_at,
    }
