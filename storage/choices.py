"""What people chose by pressing a button: each person's first press is kept."""

from datetime import datetime

from sqlalchemy import Connection, or_, select

from bot.vocabulary import Person
from storage import threads
from storage.tables import ChoiceRow
from storage.upsert import insert, table

choices = table(ChoiceRow)


def choose(
    connection: Connection,
    choice_id: str,
    option: str,
    *,
    thread_key: str,
    by: Person,
    now: datetime,
) -> bool:
    """Record a choice, and let the thread's turn know; false if they had made it before."""
    row = connection.execute(
        insert(connection, choices)
        .values(id=choice_id, option=option, person_id=by.id, admin=by.admin, made_at=now)
        .on_conflict_do_nothing(index_elements=["id", "person_id"])
        .returning(choices.c.id)
    ).one_or_none()
    if row is not None:
        threads.wake(connection, thread_key, now=now, revise=True)
    return row is not None


def chosen(connection: Connection, choice_id: str, *, person_id: str) -> str | None:
    """The option that this person or an admin chose first, if any of them did."""
    option: str | None = connection.execute(
        select(choices.c.option)
        .where(
            choices.c.id == choice_id,
            or_(choices.c.person_id == person_id, choices.c.admin.is_(True)),
        )
        .order_by(choices.c.made_at)
        .limit(1)
    ).scalar_one_or_none()
    return option
