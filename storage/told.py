"""What people were told and need not hear again for a while."""

from datetime import datetime

from sqlalchemy import Connection

from storage.tables import ToldRow
from storage.upsert import insert, table

told = table(ToldRow)


def tell_once(connection: Connection, key: str, *, now: datetime, until: datetime) -> bool:
    """True for the first who asks with this key before `until`; false for every other."""
    row = connection.execute(
        insert(connection, told)
        .values(key=key, until=until)
        .on_conflict_do_update(
            index_elements=["key"], set_={"until": until}, where=told.c.until <= now
        )
        .returning(told.c.key)
    ).one_or_none()
    return row is not None
