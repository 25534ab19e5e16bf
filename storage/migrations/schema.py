"""What the tables of a database look like, and whether the migrations make what `storage.tables` says.

Alembic's own comparison overlooks conditions of indexes and much of the types on SQLite. Here both
are made for real, on the same database, and what they made is read back and compared.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Inspector, inspect, text
from sqlmodel import SQLModel

import storage.tables  # noqa: F401 - fills the metadata
from storage.migrations import VERSION_TABLE, upgrade

_SCRATCH = "parley_schema_check"


def differences(connection: Connection) -> list[str]:
    """Where the migrations and `storage.tables` disagree, one sentence each; empty when in step.

    On SQLite the database must be an empty throw-away. On PostgreSQL everything happens in a schema
    of its own. Either way the transaction must be rolled back.
    """
    migrated = _made(connection, upgrade)
    declared = _made(connection, SQLModel.metadata.create_all)
    return [
        *(f"no migration makes {fact}" for fact in sorted(declared - migrated)),
        *(f"the migrations make {fact}, the tables do not" for fact in sorted(migrated - declared)),
    ]


def facts(connection: Connection) -> set[str]:
    """Every column, key and index in the connection's default schema, one sentence each."""
    inspector = inspect(connection)
    tables = [name for name in inspector.get_table_names() if name != VERSION_TABLE]
    return {fact for table in tables for fact in _facts_of(inspector, table)}


def _made(connection: Connection, make: Callable[[Connection], object]) -> set[str]:
    """The facts after `make` has run on nothing, which is what it leaves behind."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"CREATE SCHEMA {_SCRATCH}"))
        connection.execute(text(f"SET LOCAL search_path TO {_SCRATCH}"))
        clean = f"DROP SCHEMA {_SCRATCH} CASCADE"
        make(connection)
        found = facts(connection)
        connection.execute(text(clean))
        return found
    make(connection)
    found = facts(connection)
    for name in inspect(connection).get_table_names():
        connection.execute(text(f'DROP TABLE "{name}"'))
    return found


def _facts_of(inspector: Inspector, table: str) -> Iterator[str]:
    yield f"the table {table}"
    for column in inspector.get_columns(table):
        null = "nullable" if column["nullable"] else "not null"
        default = f", default {column['default']}" if column["default"] else ""
        yield f"the column {table}.{column['name']} ({column['type']}, {null}{default})"
    key = inspector.get_pk_constraint(table)["constrained_columns"]
    yield f"the primary key of {table} ({', '.join(key)})"
    for constraint in inspector.get_unique_constraints(table):
        yield f"the unique key of {table} ({', '.join(constraint['column_names'])})"
    for check in inspector.get_check_constraints(table):
        yield f"the check on {table} ({check['sqltext']})"
    for foreign in inspector.get_foreign_keys(table):
        columns = ", ".join(foreign["constrained_columns"])
        yield f"the foreign key of {table} ({columns}) to {foreign['referred_table']}"
    for index in inspector.get_indexes(table):
        yield _index_fact(table, dict(index))


def _index_fact(table: str, index: dict[str, Any]) -> str:
    unique = "unique " if index["unique"] else ""
    columns = ", ".join(str(name) for name in index["column_names"])
    options = index.get("dialect_options", {})
    where = next((str(value) for name, value in options.items() if name.endswith("_where")), None)
    condition = f" where {where}" if where else ""
    return f"the {unique}index {index['name']} on {table} ({columns}){condition}"
