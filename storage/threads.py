"""The thread row: the lock on a conversation. Claiming, keeping, deferring and letting go of it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, literal, select, tuple_, update

from bot.vocabulary import Thread, thread_from_json
from storage.errors import LeaseLost, Revised
from storage.tables import InboxRow, MessageRow, ThreadRow
from storage.upsert import table

threads = table(ThreadRow)
inbox = table(InboxRow)
messages = table(MessageRow)
_instant = threads.c.claimable_at.type

# What every turn runs is built once: building a statement costs five times what running it does.
# What an update sets are those of its parameters that are columns.
_held = (
    threads.c.key == bindparam("held_key"),
    threads.c.owner == bindparam("held_owner"),
    threads.c.epoch == bindparam("held_epoch"),
)
_set_held = update(threads).where(*_held)
_set_held_at_revision = _set_held.where(threads.c.revision == bindparam("at_revision"))
_look_at_held = select(threads.c.revision, threads.c.stop_requested).where(*_held)
_first_waiting = (
    select(inbox.c.id)
    .where(inbox.c.thread_key == bindparam("thread_key"), inbox.c.done_at.is_(None))
    .limit(1)
)
_now = bindparam("now", type_=_instant)
_thread = update(threads).where(threads.c.key == bindparam("thread_key"))
_begun = _thread.values(turn_id=bindparam("begun"))
_wake = _thread.values(claimable_at=func.coalesce(threads.c.claimable_at, _now))
_wake_revised = _thread.values(
    claimable_at=case((threads.c.owner.is_(None), _now), else_=threads.c.claimable_at),
    revision=threads.c.revision + 1,
)
# A CTE, because PostgreSQL may run a plain subquery more than once and so exceed the limit.
_free = (
    select(threads.c.key)
    .where(
        threads.c.claimable_at <= _now,
        threads.c.platform.in_(bindparam("platforms", expanding=True)),
    )
    .order_by(threads.c.claimable_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)  # left out on SQLite, where one writer runs at a time
    .cte("free")
)
_claim = (
    update(threads)
    .where(threads.c.key.in_(select(_free.c.key)))
    .values(epoch=threads.c.epoch + 1, attempts=threads.c.attempts + 1)
    .returning(*threads.c)
)


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
    has_come: bool
    """The bot has spoken or listened here: what was said before is known."""
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
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    lease_s: float,
    limit: int,
    platforms: Sequence[str],
) -> Sequence[Any]:
    """Take up to `limit` threads that may be claimed, longest waiting first. Only threads of `platforms`:
    a replica must not hold those that it can't speak in. `held` reads what is returned."""
    until = now + timedelta(seconds=lease_s)
    return connection.execute(
        _claim,
        {
            "now": now,
            "most": limit,
            "owner": owner,
            "claimable_at": until,
            "platforms": list(platforms),
        },
    ).all()


def begin(connection: Connection, turns: Mapping[str, str]) -> None:
    """Note the turns that begin, by the keys of threads just claimed in this transaction."""
    connection.execute(
        _begun, [{"thread_key": key, "begun": turn_id} for key, turn_id in turns.items()]
    )


def set_aside(connection: Connection, thread_key: str, *, until: datetime) -> None:
    """Let a thread be claimed again only at `until`, by whoever it may be."""
    connection.execute(_thread, {"thread_key": thread_key, "owner": None, "claimable_at": until})


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
            # The keys once more, or SQLite reads all threads there are as soon as two are held.
            threads.c.key.in_([fence.thread_key for fence in held]),
            tuple_(threads.c.key, threads.c.epoch).in_(
                [(fence.thread_key, fence.epoch) for fence in held]
            ),
        )
        .values(claimable_at=now + timedelta(seconds=lease_s))
        .returning(threads.c.key, threads.c.revision, threads.c.stop_requested)
    )
    return {row.key: Signal(row.revision, row.stop_requested) for row in rows}


def look(connection: Connection, fence: Fence) -> Signal:
    """What the thread says now. Raises `LeaseLost` if it is no longer ours."""
    row = connection.execute(_look_at_held, _by(fence)).one_or_none()
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
    parameters = _by(fence) | (values or {"owner": fence.owner})
    if revision is None:
        changed = connection.execute(_set_held, parameters)
    else:
        changed = connection.execute(_set_held_at_revision, parameters | {"at_revision": revision})
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
    waiting = connection.execute(_first_waiting, {"thread_key": fence.thread_key}).first()
    if waiting is None:
        return False
    wake(connection, fence.thread_key, now=now, revise=False)
    return True


def wake(
    connection: Connection, thread_key: str, *, now: datetime, revise: bool, **values: Any
) -> bool:
    """Make a thread claimable in which something waits, unless it is held or deferred, and set
    `values`; false if there is no such thread.

    With `revise` a waiting question changed: the holder is told by the revision, and a deferred turn
    goes on at once.
    """
    statement = _wake_revised if revise else _wake
    changed = connection.execute(statement, {"thread_key": thread_key, "now": now, **values})
    return changed.rowcount == 1


def is_held(connection: Connection, thread_key: str, *, now: datetime) -> bool:
    """Whether a replica that lives has a turn of the thread in hand."""
    query = select(threads.c.key).where(
        threads.c.key == thread_key, threads.c.owner.is_not(None), threads.c.claimable_at > now
    )
    return connection.execute(query).first() is not None


def resume(connection: Connection, thread_key: str, turn_id: str, *, now: datetime) -> bool:
    """Have an idle thread go on with a turn that was over; false if it is not idle."""
    changed = connection.execute(
        update(threads)
        .where(
            threads.c.key == thread_key,
            threads.c.turn_id.is_(None),
            threads.c.owner.is_(None),
            threads.c.claimable_at.is_(None),
        )
        .values(turn_id=turn_id, attempts=0, claimable_at=now)
    )
    return changed.rowcount == 1


def begin_afresh(connection: Connection, thread_key: str) -> None:
    """Send nothing along any more of what was said in the thread until now."""
    said = select(func.coalesce(func.max(messages.c.id) + 1, 0)).where(
        messages.c.thread_key == thread_key
    )
    connection.execute(
        update(threads)
        .where(threads.c.key == thread_key)
        .values(window_start=said.scalar_subquery(), summary=None, context_tokens=0)
    )


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


def recent_in_channel(
    connection: Connection, channel_key: str, *, since: datetime, limit: int
) -> list[tuple[Thread, datetime]]:
    """A channel's threads in which something was said since then, newest first."""
    rows = connection.execute(
        select(threads.c.payload, threads.c.last_message_at)
        .where(threads.c.channel_key == channel_key, threads.c.last_message_at >= since)
        .order_by(threads.c.last_message_at.desc())
        .limit(limit)
    )
    return [(thread_from_json(row[0]), row[1]) for row in rows]


def _at_once(now: datetime) -> Any:
    """Claimable now, unless somebody holds it."""
    unheld = (threads.c.owner.is_(None), literal(now, _instant))
    return case(unheld, else_=threads.c.claimable_at)


def _by(fence: Fence) -> dict[str, Any]:
    """The parameters of `_held`."""
    return {
        "held_key": fence.thread_key,
        "held_owner": fence.owner,
        "held_epoch": fence.epoch,
    }


def held(row: Any) -> HeldThread:
    """A claimed thread. Raises `pydantic.ValidationError` if another release wrote it otherwise."""
    return HeldThread(
        fence=Fence(row.key, row.owner, row.epoch),
        thread=thread_from_json(row.payload),
        revision=row.revision,
        stop_requested=row.stop_requested,
        attempts=row.attempts,
        turn_id=row.turn_id,
        has_come=row.bot_spoke,
        speakers=tuple(json.loads(row.speakers)),
        window_start=row.window_start,
        summary=row.summary,
        context_tokens=row.context_tokens,
    )
