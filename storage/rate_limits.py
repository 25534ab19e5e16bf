"""The per-channel rate limit: in any window, at most so many turns start their first request.

Exact under concurrency: a channel's slots are counted under the lock of its own row. A turn that finds
no room is given a definite later place, in the order of asking, so that nobody is overtaken and no
crowd wakes at once; when its time comes the count is made again, since others may have started late.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update

from storage.tables import RateChannelRow, RateSlotRow
from storage.upsert import insert, table

channels = table(RateChannelRow)
slots = table(RateSlotRow)

MARGIN_S = 0.25
"""Added to the window, for what passes between the grant here and the request on the wire."""


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
    connection.execute(
        delete(slots).where(slots.c.channel_key == channel_key, slots.c.starts_at <= now - window)
    )
    rows = connection.execute(
        select(slots.c.turn_id, slots.c.starts_at, slots.c.started)
        .where(slots.c.channel_key == channel_key)
        .order_by(slots.c.starts_at, slots.c.turn_id)
    ).all()
    mine = next((row for row in rows if row.turn_id == turn_id), None)
    if mine is not None and mine.started:
        return None
    started = [row.starts_at for row in rows if row.started]
    ahead = [row.starts_at for row in rows if not row.started and _is_before(row, mine)]
    until = _free_at(sorted(started + ahead), messages, window, now)
    _put(connection, channel_key, turn_id, starts_at=until, started=until <= now)
    return until if until > now else None


def give_back(connection: Connection, turn_id: str) -> None:
    """Free a place that was kept for a turn which will not start."""
    connection.execute(delete(slots).where(slots.c.turn_id == turn_id, slots.c.started.is_(False)))


def _lock(connection: Connection, channel_key: str, now: datetime) -> None:
    connection.execute(
        insert(connection, channels)
        .values(key=channel_key, touched_at=now)
        .on_conflict_do_update(index_elements=["key"], set_={"touched_at": now})
    )


def _is_before(row: Any, mine: Any | None) -> bool:
    return mine is None or (row.starts_at, row.turn_id) < (mine.starts_at, mine.turn_id)


def _free_at(times: list[datetime], messages: int, window: timedelta, now: datetime) -> datetime:
    """The first moment at which fewer than `messages` of the sorted `times` lie within the window."""
    if len(times) < messages:
        return now
    return max(now, times[-messages] + window)


def _put(
    connection: Connection, channel_key: str, turn_id: str, *, starts_at: datetime, started: bool
) -> None:
    changed = connection.execute(
        update(slots).where(slots.c.turn_id == turn_id).values(starts_at=starts_at, started=started)
    )
    if changed.rowcount == 0:
        connection.execute(
            slots.insert().values(
                turn_id=turn_id, channel_key=channel_key, starts_at=starts_at, started=started
            )
        )
