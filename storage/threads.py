"""The thread row: the lock on a conversation. Claiming, keeping, deferring and letting go of it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, func, literal, select, tuple_, update

from bot.vocabulary import Thread, thread_from_json
from storage.errors import LeaseLost, Revised
from storage.tables import InboxRow, ThreadRow
from storage.upsert import table

threads = table(ThreadRow)
inbox = table(InboxRow)
_instant = threads.c.claimable_at.type


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof of holding a thread: a write under it changes nothing once somebody else has claimed."""

    thread_key: str
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class HeldThread:
    """What the thread row said when it was claimed or looked at again."""

    fence: Fence
    thread: Thread
    revision: int
    stop_requested: bool
    attempts: int
    turn_id: str | None
    bot_spoke: bool
    speakers: tuple[str, ...]
    """Ids of the people heard here."""
    window_start: int
    summary: str | None
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Signal:
    """What a holder must notice about its thread: a new revision, and whether a stop was asked for."""

    revision: int
    stop_requested: bool


def claim(
    connection: Connection, *, owner: str, now: datetime, lease_s: float, limit: int
) -> list[HeldThread]:
    """Take up to `limit` threads that may be claimed, longest waiting first."""
    # A CTE, because PostgreSQL may run a plain subquery more than once and so exceed the limit.
    free = (
        select(threads.c.key)
        .where(threads.c.claimable_at <= now)
        .order_by(threads.c.claimable_at)
        .limit(limit)
        .with_for_update(skip_locked=True)  # left out on SQLite, where one writer runs at a time
        .cte("free")
    )
    taken = connection.execute(
        update(threads)
        .where(threads.c.key.in_(select(free.c.key)))
        .values(
            owner=owner,
            claimable_at=now + timedelta(seconds=lease_s),
            epoch=threads.c.epoch + 1,
            attempts=threads.c.attempts + 1,
        )
        .returning(*threads.c)
    ).all()
    return [_held(row) for row in taken]


def keep(
    connection: Connection, *, owner: str, held: Collection[Fence], now: datetime, lease_s: float
) -> dict[str, Signal]:
    """Renew the leases on `held`; a thread missing from the result is no longer ours."""
    if not held:
        return {}
    rows = connection.execute(
        update(threads)
        .where(
            threads.c.owner == owner,
            tuple_(threads.c.key, threads.c.epoch).in_([(f.thread_key, f.epoch) for f in held]),
        )
        .values(claimable_at=now + timedelta(seconds=lease_s))
        .returning(threads.c.key, threads.c.revision, threads.c.stop_requested)
    )
    return {row.key: Signal(row.revision, row.stop_requested) for row in rows}


def look(connection: Connection, fence: Fence) -> Signal:
    """What the thread says now. Raises `LeaseLost` if it is no longer ours."""
    row = connection.execute(
        select(threads.c.revision, threads.c.stop_requested).where(_holds(fence))
    ).one_or_none()
    if row is None:
        raise LeaseLost(f"{fence.thread_key} is held by another replica")
    return Signal(row.revision, row.stop_requested)


def guard(
    connection: Connection, fence: Fence, *, revision: int | None = None, **values: Any
) -> None:
    """Lock the thread row and set `values`, if it is still ours and at `revision`.

    The first statement of every transaction in which a holder writes.

    Raises:
        LeaseLost: somebody else has claimed it.
        Revised: it is ours, but the question changed or a stop was asked for.
    """
    condition = _holds(fence)
    if revision is not None:
        condition = and_(condition, threads.c.revision == revision)
    changed = connection.execute(
        update(threads).where(condition).values(**(values or {"owner": fence.owner}))
    )
    if changed.rowcount == 1:
        return
    look(connection, fence)
    raise Revised(f"{fence.thread_key} changed while its turn was running")


def let_go(
    connection: Connection,
    fence: Fence,
    *,
    now: datetime,
    turn_ended: bool,
    until: datetime | None = None,
) -> bool:
    """Release the thread; true if something waits there to be claimed now.

    With `turn_ended` the turn is over, and the next is claimable at once if messages wait. Otherwise
    the same turn goes on at `until` (now, if that is None). Either way the holder lived: claims are
    counted anew.
    """
    if not turn_ended:
        guard(connection, fence, owner=None, attempts=0, claimable_at=until or now)
        return until is None
    idle = {"owner": None, "turn_id": None, "attempts": 0, "stop_requested": False}
    guard(connection, fence, **idle, claimable_at=None)
    # Only now, under the lock: whatever is put later finds the thread idle and wakes it itself.
    waiting = connection.execute(
        select(inbox.c.id)
        .where(inbox.c.thread_key == fence.thread_key, inbox.c.done_at.is_(None))
        .limit(1)
    ).first()
    if waiting is None:
        return False
    wake(connection, fence.thread_key, now=now, revise=False)
    return True


def wake(connection: Connection, thread_key: str, *, now: datetime, revise: bool) -> None:
    """Make a thread claimable in which something waits, unless it is held or deferred.

    With `revise` a waiting question changed: the holder is told by the revision, and a deferred turn
    goes on at once.
    """
    values = {"claimable_at": sooner(now)}
    if revise:
        values = {"claimable_at": _at_once(now), "revision": threads.c.revision + 1}
    connection.execute(update(threads).where(threads.c.key == thread_key).values(**values))


def request_stop(connection: Connection, thread_key: str, *, now: datetime) -> bool:
    """Ask that the running or deferred turn end where it is; false if there is none."""
    changed = connection.execute(
        update(threads)
        .where(threads.c.key == thread_key, threads.c.turn_id.is_not(None))
        .values(
            stop_requested=True,
            revision=threads.c.revision + 1,
            claimable_at=_at_once(now),
        )
    )
    return changed.rowcount == 1


def free_all(connection: Connection, *, now: datetime) -> int:
    """Take every thread from whoever holds it: for a start at which nobody else can be alive."""
    return connection.execute(
        update(threads)
        .where(threads.c.claimable_at.is_not(None), threads.c.owner.is_not(None))
        .values(owner=None, claimable_at=now)
    ).rowcount


def recent(
    connection: Connection, platform: str, *, since: datetime, limit: int
) -> list[tuple[Thread, str, datetime]]:
    """(thread, last message id, its time) of the threads with a message since then, newest first."""
    rows = connection.execute(
        select(threads.c.payload, threads.c.last_message_id, threads.c.last_message_at)
        .where(threads.c.platform == platform, threads.c.last_message_at >= since)
        .order_by(threads.c.last_message_at.desc())
        .limit(limit)
    )
    return [(thread_from_json(row[0]), row[1], row[2]) for row in rows]


def sooner(now: datetime) -> Any:
    """Claimable now, unless a holder's lease or a deferral has set a time already."""
    return func.coalesce(threads.c.claimable_at, literal(now, _instant))


def _at_once(now: datetime) -> Any:
    """Claimable now, unless somebody holds it."""
    unheld = (threads.c.owner.is_(None), literal(now, _instant))
    return case(unheld, else_=threads.c.claimable_at)


def _holds(fence: Fence) -> Any:
    return and_(
        threads.c.key == fence.thread_key,
        threads.c.owner == fence.owner,
        threads.c.epoch == fence.epoch,
    )


def _held(row: Any) -> HeldThread:
    return HeldThread(
        fence=Fence(row.key, row.owner, row.epoch),
        thread=thread_from_json(row.payload),
        revision=row.revision,
        stop_requested=row.stop_requested,
        attempts=row.attempts,
        turn_id=row.turn_id,
        bot_spoke=row.bot_spoke,
        speakers=tuple(json.loads(row.speakers)),
        window_start=row.window_start,
        summary=row.summary,
        context_tokens=row.context_tokens,
    )
