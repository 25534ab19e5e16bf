"""Scheduled runs: each due run is one row, so that of all replicas one runs it, once."""

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from storage.tables import ScheduleRow
from storage.upsert import insert, table

runs = table(ScheduleRow)


def start(
    connection: Connection, name: str, due_at: datetime, *, owner: str, now: datetime
) -> bool:
    """True if this run is the caller's; false if somebody has started it before."""
    row = connection.execute(
        insert(connection, runs)
        .values(name=name, due_at=due_at, owner=owner, started_at=now)
        .on_conflict_do_nothing(index_elements=["name", "due_at"])
        .returning(runs.c.name)
    ).one_or_none()
    return row is not None


def finish(
    connection: Connection, name: str, due_at: datetime, *, outcome: str, now: datetime
) -> None:
    """Record how the run ended: `done` or the kind of error."""
    connection.execute(
        update(runs)
        .where(runs.c.name == name, runs.c.due_at == due_at)
        .values(finished_at=now, outcome=outcome)
    )


def last_due(connection: Connection, name: str) -> datetime | None:
    """When the newest run that anybody started was due."""
    newest = select(func.max(runs.c.due_at)).where(runs.c.name == name)
    due_at: datetime | None = connection.execute(newest).scalar_one()
    return due_at
