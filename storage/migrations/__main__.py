"""For developers: `python -m storage.migrations check [ADDRESS…]` and `… new MESSAGE`.

`check` compares the migrations with the tables on a throw-away SQLite file, and on every PostgreSQL
whose address is given, where it leaves nothing behind. `new` writes the next revision from what the
tables have gained; read it before you keep it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from sqlalchemy import Connection

from bot.vocabulary import SystemClock
from storage.database import Database
from storage.errors import StorageError
from storage.migrations import schema, upgrade


class _Compared(Exception):
    """Carries the differences out of a transaction that is to be rolled back."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__(*differences)
        self.differences = differences


def main() -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m storage.migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="are the migrations in step with the tables?")
    check.add_argument("address", nargs="*", default=_postgres_of(os.environ.get("DATABASE_URL")))
    new = commands.add_parser("new", help="write the next revision")
    new.add_argument("message", help="what it does, in a few words")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        throw_away = f"sqlite:///{Path(directory) / 'throw-away.db'}"
        if options.command == "new":
            return asyncio.run(_new(throw_away, options.message))
        return asyncio.run(_check([throw_away, *options.address]))


async def _check(addresses: list[str]) -> int:
    failed = False
    for address in addresses:
        problems = await _problems(address)
        for problem in problems:
            print(problem, file=sys.stderr)
        failed = failed or bool(problems)
    return 1 if failed else 0


async def _problems(address: str) -> list[str]:
    try:
        database = Database(address, clock=SystemClock())
    except StorageError as error:
        return [str(error)]
    try:
        found = await differences(database)
    except StorageError as error:
        found = [str(error)]
    finally:
        await database.close()
    if not found:
        print(f"{database.dialect}: the migrations are in step with the tables")
    return [f"{database.dialect}: {each}" for each in found]


async def differences(database: Database) -> list[str]:
    """As `schema.differences`, leaving nothing behind."""
    try:
        await database.write(_compare)
    except _Compared as compared:
        return compared.differences
    raise AssertionError("unreachable")


async def _new(throw_away: str, message: str) -> int:
    from storage.migrations import alembic_bridge

    database = Database(throw_away, clock=SystemClock())
    try:
        await database.write(upgrade)
        number = await database.write(alembic_bridge.add_revision, message)
    finally:
        await database.close()
    print(f"wrote revision {number}; read it before you keep it")
    return 0


def _compare(connection: Connection) -> None:
    raise _Compared(schema.differences(connection))


def _postgres_of(address: str | None) -> list[str]:
    return [address] if address and address.startswith("postgres") else []


if __name__ == "__main__":
    sys.exit(main())
