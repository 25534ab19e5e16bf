"""What people thought of answers: each person's last word on a turn."""

from datetime import datetime

from sqlalchemy import Connection, select

from storage.tables import RatingRow, TurnRow
from storage.upsert import insert, table

ratings = table(RatingRow)
turns = table(TurnRow)


def rate(
    connection: Connection, turn_id: str, *, person_id: str, good: bool, now: datetime
) -> bool:
    """Keep a person's rating of a turn, in place of an earlier one; false if there is no such turn."""
    if connection.execute(select(turns.c.id).where(turns.c.id == turn_id)).first() is None:
        return False
    new = {"good": good, "made_at": now}
    connection.execute(
        insert(connection, ratings)
        .values(turn_id=turn_id, person_id=person_id, **new)
        .on_conflict_do_update(index_elements=["turn_id", "person_id"], set_=new)
    )
    return True


def of_turn(connection: Connection, turn_id: str) -> dict[str, bool]:
    """Who rated a turn, by their ids, and whether they found it good."""
    rows = connection.execute(
        select(ratings.c.person_id, ratings.c.good).where(ratings.c.turn_id == turn_id)
    )
    return {row.person_id: row.good for row in rows}
