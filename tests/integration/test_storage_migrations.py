"""Migrations: from nothing to what this release needs, once, whoever starts first."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.vocabulary import SystemClock
from storage import migrations
from storage.database import Database
from storage.errors import SchemaBehind, SchemaTooNew, StorageUnavailable
from storage.migrations import schema
from storage.migrations.__main__ import differences
from storage.migrations.__main__ import main as migrations_command
from storage.migrations.ready import ready_sqlite
from storage.migrations.start import bring_up_to_date


@pytest.fixture
def empty(database_url: str) -> Database:
    """A database without tables; the test closes it."""
    return Database(database_url, clock=SystemClock())


def _run(connection: Connection, sql: str) -> None:
    connection.execute(text(sql))


def _rows(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(sql))]


async def test_an_empty_database_gets_all_revisions(empty: Database) -> None:
    """Before, everything is pending; afterwards nothing, and a second upgrade changes nothing."""
    assert await empty.read(migrations.current) is None
    assert await empty.read(migrations.pending) == list(migrations.revisions())
    first = await empty.maintain(migrations.upgrade)
    assert (first.before, first.after, first.changed) == (None, migrations.head(), True)
    assert await empty.read(migrations.current) == migrations.head()
    assert await empty.read(migrations.pending) == []
    second = await empty.maintain(migrations.upgrade)
    assert not second.changed
    await empty.close()


async def test_migrations_make_what_the_tables_say(empty: Database) -> None:
    """Columns, types, keys, indexes and their conditions are those of `storage.tables`."""
    assert await differences(empty) == []
    assert await empty.read(migrations.current) is None, "the comparison must leave nothing behind"
    await empty.close()


@pytest.mark.parametrize(
    ("drift", "told"),
    [
        ("ALTER TABLE told ADD COLUMN note TEXT", "the column told.note"),
        ("DROP INDEX inbox_waiting", "the index inbox_waiting"),
        ("DROP TABLE answer", "the table answer"),
    ],
)
async def test_every_kind_of_drift_is_seen(database: Database, drift: str, told: str) -> None:
    """A column too many, a missing index, a missing table: each is a fact that changes."""
    before = await database.read(schema.facts)
    await database.write(_run, drift)
    changed = before ^ await database.read(schema.facts)
    assert any(fact.startswith(told) for fact in changed)


async def test_a_changed_index_condition_is_seen(database: Database) -> None:
    """A partial index with another condition is another fact."""
    before = await database.read(schema.facts)
    await database.write(_run, "DROP INDEX ledger_open")
    await database.write(_run, "CREATE INDEX ledger_open ON ledger (status) WHERE status = 'shut'")
    changed = before ^ await database.read(schema.facts)
    assert len(changed) == 2
    assert all("ledger_open" in fact for fact in changed)


async def test_replicas_that_start_together_upgrade_once(database_url: str) -> None:
    """Eight processes' worth of connections start on an empty database; all find it ready."""
    replicas = [Database(database_url, clock=SystemClock()) for _ in range(8)]
    done = await asyncio.gather(*(bring_up_to_date(replica) for replica in replicas))
    assert sum(each.before is None for each in done) == 1
    assert {each.after for each in done} == {migrations.head()}
    for replica in replicas:
        assert await replica.read(migrations.pending) == []
        await replica.close()


async def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    """An old release says that a newer one was here, and changes nothing."""
    await database.write(_run, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match="revision 9999"):
        await bring_up_to_date(database)
    with pytest.raises(SchemaTooNew):
        await database.maintain(migrations.upgrade)
    assert await database.read(migrations.current) == "9999"


async def test_a_command_says_that_an_upgrade_is_due(empty: Database) -> None:
    """What needs the tables says how to get them."""
    with pytest.raises(SchemaBehind, match="parley db upgrade"):
        await empty.read(migrations.require_head)
    await empty.maintain(migrations.upgrade)
    await empty.read(migrations.require_head)
    await empty.close()


async def test_an_upgrade_that_fails_leaves_nothing_behind(empty: Database) -> None:
    """A revision that breaks half-way is undone as a whole; the next start does it all."""
    await empty.write(_run, "CREATE TABLE told (something_else INTEGER)")
    with pytest.raises(StorageUnavailable):
        await bring_up_to_date(empty)
    assert await empty.read(migrations.current) is None
    await empty.write(_run, "DROP TABLE told")
    assert (await bring_up_to_date(empty)).changed
    await empty.close()


NEWEST = migrations.head()
NEXT_REVISION = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9998", "{NEWEST}"

def upgrade():
    with op.batch_alter_table("told") as told:
        told.add_column(sa.Column("note", sa.String, nullable=False, server_default="-"))
"""


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes this process a later release, with one revision more; not before it made today's tables."""
    ready_sqlite(tmp_path / "today.db")
    later = shutil.copytree(migrations.HERE, tmp_path / "later")
    (later / "versions" / "9998_note.py").write_text(NEXT_REVISION)
    monkeypatch.setattr(migrations, "HERE", later)
    migrations.revisions.cache_clear()
    yield
    migrations.revisions.cache_clear()


@pytest.mark.usefixtures("next_release")
async def test_an_older_database_keeps_its_data(database: Database) -> None:
    """A later release applies what is missing, and what was there is still there."""
    await database.write(_run, "INSERT INTO told VALUES ('kept', '2026-11-23 09:00:00+00')")
    assert await database.read(migrations.pending) == ["9998"]
    done = await bring_up_to_date(database)
    assert (done.before, done.after) == (NEWEST, "9998")
    assert await database.read(_rows, "SELECT key, note FROM told") == [("kept", "-")]


@pytest.mark.usefixtures("next_release")
async def test_sqlite_is_copied_before_it_is_upgraded(tmp_path: Path) -> None:
    """The copy holds what the database held, as the older release left it."""
    database = Database(ready_sqlite(tmp_path / "parley.db"), clock=SystemClock())
    await database.write(_run, "INSERT INTO told VALUES ('kept', '2026-11-23 09:00:00')")
    copy = (await bring_up_to_date(database)).backup
    await database.close()
    assert copy is not None
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT key FROM told").fetchall() == [("kept",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (NEWEST,)
        ]


@pytest.mark.usefixtures("next_release")
async def test_an_empty_sqlite_is_not_copied(tmp_path: Path) -> None:
    """Where nothing was ever kept there is nothing to lose."""
    database = Database(ready_sqlite(tmp_path / "parley.db"), clock=SystemClock())
    assert (await bring_up_to_date(database)).backup is None
    await database.close()


def test_the_check_command_passes_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m storage.migrations check` ends with 0 in step, with 1 and a reason otherwise."""
    check = [sys.executable, "-m", "storage.migrations", "check"]
    good = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (
        0,
        "sqlite: the migrations are in step with the tables\n",
    )
    monkeypatch.setattr(sys, "argv", [*check[2:], "mysql://nowhere/x"])
    assert migrations_command() == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        good.stdout,
        "DATABASE_URL: mysql is not supported; use sqlite:/// or postgresql://\n",
    )
