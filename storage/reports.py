"""Reports that are to be sent and were sent: a row for each report, period and destination."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, literal, select, update

from bot.vocabulary import Message
from storage import inbox
from storage.tables import ReportRow, ReportSeenRow
from storage.upsert import insert, table

reports = table(ReportRow)
seen = table(ReportSeenRow)


class ReportStatus(StrEnum):
    """How far the sending of a report is."""

    DUE = "due"
    """It is to be made and put into the inbox."""
    SENT = "sent"
    """It is in the inbox; whether it was shown is not known yet."""
    SHOWN = "shown"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Sending:
    """A report of one period for one destination. `asked_by` is None where the schedule wants it."""

    name: str
    period: str
    destination: str
    due_at: datetime
    status: ReportStatus
    copies: int
    attempts: int
    message_key: str | None
    asked_by: str | None
    sent_at: datetime | None
    detail: str | None


def sync_seen(connection: Connection, keys: Collection[str], *, now: datetime) -> None:
    """Remember since when each of these has been there; forget all others, so that one which is taken
    out of the settings and put back is new."""
    connection.execute(delete(seen).where(seen.c.key.not_in(list(keys))))
    for key in sorted(keys):
        connection.execute(
            insert(connection, seen)
            .values(key=key, since=now)
            .on_conflict_do_nothing(index_elements=["key"])
        )


def seen_since(connection: Connection) -> dict[str, datetime]:
    """Since when each has been there."""
    return {row.key: row.since for row in connection.execute(select(seen))}


def plan(
    connection: Connection,
    wanted: Iterable[tuple[str, str, str]],
    *,
    due_at: datetime,
    now: datetime,
    asked_by: str | None = None,
) -> int:
    """Make a row for each (name, period, destination) that has none; how many were made."""
    made = 0
    for name, period, destination in wanted:
        made += connection.execute(
            insert(connection, reports)
            .values(
                name=name,
                period=period,
                destination=destination,
                due_at=due_at,
                status=ReportStatus.DUE.value,
                copies=0,
                attempts=0,
                next_attempt_at=now,
                asked_by=asked_by,
            )
            .on_conflict_do_nothing(index_elements=["name", "period", "destination"])
        ).rowcount
    return made


def plan_again(
    connection: Connection, name: str, period: str, destination: str, *, by: str, now: datetime
) -> None:
    """Have it sent once more, although it was sent."""
    connection.execute(
        _one(update(reports), name, period, destination).values(
            status=ReportStatus.DUE.value, attempts=0, next_attempt_at=now, asked_by=by
        )
    )


def take(connection: Connection, *, now: datetime, until: datetime) -> Sending | None:
    """Take one whose time has come; it is nobody else's before `until`."""
    waiting = reports.c.next_attempt_at
    row = connection.execute(
        select(reports)
        .where(waiting.is_not(None), waiting <= now)
        .order_by(waiting)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    connection.execute(
        _one(update(reports), row.name, row.period, row.destination).values(next_attempt_at=until)
    )
    return _sending(row)


def take_one(
    connection: Connection,
    name: str,
    period: str,
    destination: str,
    *,
    now: datetime,
    until: datetime,
) -> Sending | None:
    """Take this one, if it waits, whether its time has come or not."""
    row = connection.execute(
        _one(update(reports), name, period, destination)
        .where(reports.c.next_attempt_at.is_not(None))
        .values(next_attempt_at=until)
        .returning(reports)
    ).one_or_none()
    return None if row is None else _sending(row)


def send(
    connection: Connection, sending: Sending, message: Message, *, now: datetime, look_at: datetime
) -> bool:
    """Put the report into the inbox and write down that it is there, both or neither; false if another
    has. At `look_at` somebody is to see whether it was shown."""
    changed = connection.execute(
        _set(sending)
        .where(
            reports.c.status == ReportStatus.DUE.value,
            reports.c.copies == sending.copies,
        )
        .values(
            status=ReportStatus.SENT.value,
            copies=sending.copies + 1,
            attempts=0,
            message_key=message.key,
            sent_at=now,
            next_attempt_at=look_at,
            detail=None,
        )
    )
    if changed.rowcount == 0:
        return False
    inbox.put(connection, message, now=now)
    return True


def failed(
    connection: Connection, sending: Sending, *, why: str, again_at: datetime | None
) -> None:
    """Note a failed attempt, and when the next is; None: it is given up."""
    given_up = {} if again_at is not None else {"status": ReportStatus.GIVEN_UP.value}
    connection.execute(
        _set(sending).values(
            attempts=sending.attempts + 1, next_attempt_at=again_at, detail=why, **given_up
        )
    )


def look_again(connection: Connection, sending: Sending, *, at: datetime) -> None:
    """It is still on its way."""
    connection.execute(_set(sending).values(next_attempt_at=at))


def shown(connection: Connection, sending: Sending) -> None:
    """It is over: people see it."""
    connection.execute(
        _set(sending).values(status=ReportStatus.SHOWN.value, next_attempt_at=None, detail=None)
    )


def find(connection: Connection, name: str, period: str, destination: str) -> Sending | None:
    """The row of this report, period and destination."""
    row = connection.execute(_one(select(reports), name, period, destination)).one_or_none()
    return None if row is None else _sending(row)


def all_of(connection: Connection, name: str) -> list[Sending]:
    """The rows of a report, the oldest first."""
    query = select(reports).where(reports.c.name == name)
    rows = connection.execute(query.order_by(reports.c.due_at, reports.c.destination))
    return [_sending(row) for row in rows]


def next_attempt_at(connection: Connection) -> datetime | None:
    """When the first of those that wait is to be looked at."""
    waiting = reports.c.next_attempt_at
    query = select(waiting).where(waiting.is_not(None)).order_by(waiting).limit(1)
    found: datetime | None = connection.execute(query).scalar_one_or_none()
    return found


def _one(statement: Any, name: str, period: str, destination: str) -> Any:
    return statement.where(
        reports.c.name == literal(name),
        reports.c.period == literal(period),
        reports.c.destination == literal(destination),
    )


def _set(sending: Sending) -> Any:
    """An update of its row."""
    return _one(update(reports), sending.name, sending.period, sending.destination)


def _sending(row: Any) -> Sending:
    return Sending(
        name=row.name,
        period=row.period,
        destination=row.destination,
        due_at=row.due_at,
        status=ReportStatus(row.status),
        copies=row.copies,
        attempts=row.attempts,
        message_key=row.message_key,
        asked_by=row.asked_by,
        sent_at=row.sent_at,
        detail=row.detail,
    )
