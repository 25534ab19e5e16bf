"""What a starting process does about the tables."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, inspect, literal, select, table

from storage import backup
from storage.database import Database
from storage.migrations import VERSION_TABLE, Upgraded, current, head, pending, upgrade


async def bring_up_to_date(database: Database) -> Upgraded:
    """Upgrade the tables if they are behind; usually one look says that they are not.

    Replicas that start together do it once. A SQLite database that holds anything is copied first.

    Raises:
        SchemaTooNew: a newer release has upgraded the database.
        StorageUnavailable: the database is away, or there is no room for the copy; nothing changed.
    """
    if not await database.read(pending):
        return Upgraded(head(), head())
    copy = await _copy_first(database)
    return replace(await database.maintain(upgrade), backup=copy)


async def _copy_first(database: Database) -> Path | None:
    if database.file is None or not await database.read(_holds_anything):
        return None
    target = backup.backup_name(database.file, database.now())
    await database.read(backup.copy_to, target)
    return target


def _holds_anything(connection: Connection) -> bool:
    if current(connection) is None:
        return False
    names = [name for name in inspect(connection).get_table_names() if name != VERSION_TABLE]
    some = (select(literal(1)).select_from(table(name)).limit(1) for name in names)
    return any(connection.execute(query).first() for query in some)
