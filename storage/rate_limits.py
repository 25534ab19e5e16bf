"""The per-channel rate limit: in any window, at most so many turns start their first request.

Exact under concurrency: a channel's slots are counted under the lock of its own row. A turn that finds
no room is given a later place, behind all that asked before (ids of turns sort by time), so that nobody
is overtaken and no crowd wakes at once; when its time comes the count is made again, since others may
have started late.
"""

from bisect import insort
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from storage.tables import RateChannelRow, RateSlotRow
from storage.upsert import insert_on, table

channels = table(RateChannelRow)
slots = table(RateSlotRow)

MARGIN_S = 0.25
"""Added to the window, for what passes between the grant here and the request on the wire."""

# What every turn runs is built once (see `storage.threads`).
_of_channel = slots.c.channel_key == bindparam("channel")
_recent = (_of_channel, slots.c.starts_at > bindparam("before"))  # retention deletes what is older
_is_mine = slots.c.turn_id == bindparam("turn")
_counts = select(
    func.count().filter(~_is_mine).label("others"),
    func.count().filter(_is_mine, slots.c.started).label("mine_started"),
).where(*_recent)
_all_others = (
    select(slots.c.turn_id, slots.c.starts_at, slots.c.started)
    .where(*_recent, ~_is_mine)
    .order_by(slots.c.starts_at, slots.c.turn_id)
)
_left_at = update(slots).where(_is_mine, slots.c.started, slots.c.starts_at < bindparam("at"))
_left_at = _left_at.values(starts_at=bindparam("at"))


def take(
    connection: Connection,
    *,
    channel_key: str,
    turn_id: str,
    now: datetime,
    messages: int,
    per_s: float,
) -> datetime | None:
    """Start the turn in its channel's limit of `messages` in any `per_s` seconds.

    Returns:
        None if the turn may start now (one that has started already starts no second time), else the
        time at which to come back; its place is kept until then.
    """
    window = timedelta(seconds=per_s + MARGIN_S)
    _lock(connection, channel_key, now)
    recent = {"channel": channel_key, "before": now - window, "turn": turn_id}
    counts = connection.execute(_counts, recent).one()
    if counts.mine_started:
        return None
    if counts.others < messages:  # mostly so, and then there is no need to look at each of them
        _put(connection, channel_key, turn_id, starts_at=now, started=True)
        return None
    rows = connection.execute(_all_others, recent).all()
    times = [row.starts_at for row in rows if row.started]
    for row in sorted(rows, key=lambda row: row.turn_id):
        if not row.started and row.turn_id < turn_id:
            insort(times, max(row.starts_at, _free_at(times, messages, window, now)))
    until = _free_at(times, messages, window, now)
    _put(connection, channel_key, turn_id, starts_at=until, started=until <= now)
    return until if until > now else None


def give_back(connection: Connection, turn_id: str) -> None:
    """Free a place that was kept for a turn which will not start."""
    connection.execute(delete(slots).where(slots.c.turn_id == turn_id, slots.c.started.is_(False)))


def left_at(connection: Connection, starts: Iterable[tuple[str, datetime]]) -> None:
    """Count turns from when their first request really left, where that was later than granted.

    Without this a request that was held up (a busy process, a slow connection) would stand closer to the
    next window's than the limit allows.
    """
    left = [{"turn": turn_id, "at": at} for turn_id, at in sorted(starts)]
    if left:
        connection.execute(_left_at, left)


def _lock(connection: Connection, channel_key: str, now: datetime) -> None:
    connection.execute(_touch(connection.dialect.name), {"key": channel_key, "touched_at": now})


@cache
def _touch(dialect: str) -> Any:
    new = insert_on(dialect, channels)
    touched = {"touched_at": new.excluded.touched_at}
    return new.on_conflict_do_update(index_elements=["key"], set_=touched)


def _free_at(times: list[datetime], messages: int, window: timedelta, now: datetime) -> datetime:
    """The first moment at which fewer than `messages` of the sorted `times` lie within the window."""
    if len(times) < messages:
        return now
    return max(now, times[-messages] + window)


def _put(
    connection: Connection, channel_key: str, turn_id: str, *, starts_at: datetime, started: bool
) -> None:
    slot = {"turn_id": turn_id, "channel_key": channel_key}
    place = {"starts_at": starts_at, "started": started}
    connection.execute(_new_or_moved(connection.dialect.name), {**slot, **place})


@cache
def _new_or_moved(dialect: str) -> Any:
    new = insert_on(dialect, slots)
    moved = {"starts_at": new.excluded.starts_at, "started": new.excluded.started}
    return new.on_conflict_do_update(index_elements=["turn_id"], set_=moved)
