"""`INSERT … ON CONFLICT`, which both databases have and SQLAlchemy spells once for each."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel


def table(model: type[SQLModel]) -> Table:
    """The table behind a model, for statements that need no objects."""
    found: Table = getattr(model, "__table__")  # noqa: B009 - SQLModel does not declare it
    return found


def insert(connection: Connection, into: Table) -> Any:
    """An insert statement that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_on(connection.dialect.name, into)


def insert_on(dialect: str, into: Table) -> Any:
    """The same for a statement that is built once for each dialect, and kept."""
    return postgresql.insert(into) if dialect == "postgresql" else sqlite.insert(into)
