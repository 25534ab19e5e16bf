"""Migrations: bringing a database's tables to what this release needs, and telling whether they are.

Revisions are numbered files in `versions/`, in one line. Telling where a database stands costs one
SELECT; Alembic, which is slow to import, is imported only to move it.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table, text

from storage.errors import SchemaBehind, SchemaTooNew

HERE = Path(__file__).parent
VERSION_TABLE = "alembic_version"

_REPLICAS_LOCK = (
    0x7061726C6579  # "parley"; whoever holds it upgrades, the others wait and find it done
)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The revisions before and after (`before` None where there were no tables), and the copy that was
    made first, if any."""

    before: str | None
    after: str
    backup: Path | None = None

    @property
    def changed(self) -> bool:
        """Something had to be done."""
        return self.before != self.after


@cache
def revisions() -> tuple[str, ...]:
    """All revisions that this release knows, oldest first."""
    return tuple(sorted(path.name[:4] for path in (HERE / "versions").glob("[0-9]*_*.py")))


def head() -> str:
    """The revision that this release needs."""
    return revisions()[-1]


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None if it has no tables yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = column("version_num", String)
    return connection.execute(
        select(version).select_from(table(VERSION_TABLE))
    ).scalar_one_or_none()


def pending(connection: Connection) -> list[str]:
    """The revisions still to be applied, oldest first; empty when the tables are in step.

    Raises:
        SchemaTooNew: a newer release has upgraded the database.
    """
    at = current(connection)
    if at is None:
        return list(revisions())
    if at not in revisions():
        raise SchemaTooNew(
            f"the database is at revision {at}, and this release of Parley knows only those up to "
            f"{head()}; run the newer release that upgraded it"
        )
    return [revision for revision in revisions() if revision > at]


def require_head(connection: Connection) -> None:
    """Return if the tables are in step.

    Raises:
        SchemaBehind: they need `parley db upgrade`.
        SchemaTooNew: a newer release has upgraded the database.
    """
    if missing := pending(connection):
        raise SchemaBehind(
            f"the database lacks the revisions {', '.join(missing)}; run `parley db upgrade`"
        )


def upgrade(connection: Connection) -> Upgraded:
    """Bring the tables to `head()`, in the transaction of the connection: all of it or nothing.

    Of several replicas one does it and the others wait. Raises `SchemaTooNew` as `pending` does.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_REPLICAS_LOCK})"))
    before = current(connection)
    if pending(connection):
        from storage.migrations import alembic_bridge

        alembic_bridge.upgrade(connection)
    return Upgraded(before, head())
