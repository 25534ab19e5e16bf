"""The doctor's look at the database, on both engines."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.doctor.database import examine_database
from bot.vocabulary import Finding, ManualClock, Verdict
from config import Settings, load_settings
from storage.database import Database
from storage.migrations import upgrade
from tests.postgres import PostgresServer


def settings_of(url: str, directory: Path) -> Settings:
    return load_settings({"DATABASE_URL": url}, directory)


async def finding_of(url: str, directory: Path) -> Finding:
    (finding,) = await examine_database(settings_of(url, directory), ManualClock())
    return finding


async def upgraded(url: str, then: str | None = None) -> None:
    """Make the tables, and run one more statement."""

    def work(connection: Connection) -> None:
        upgrade(connection)
        if then:
            connection.execute(text(then))

    database = Database(url, clock=ManualClock())
    await database.write(work)
    await database.close()


async def count_told(url: str) -> int:
    database = Database(url, clock=ManualClock())
    counted: int = await database.read(
        lambda c: c.execute(text("SELECT count(*) FROM told")).scalar_one()
    )
    await database.close()
    return counted


async def test_a_database_in_order(database_url: str, tmp_path: Path) -> None:
    """It answers, takes writes and has this release's tables; the trial write leaves nothing."""
    await upgraded(database_url)
    finding = await finding_of(database_url, tmp_path)
    assert finding.verdict is Verdict.OK
    assert await count_told(database_url) == 0


async def test_missing_tables(database_url: str, tmp_path: Path) -> None:
    """A database that lacks this release's tables is told with the command that makes them."""
    database = Database(database_url, clock=ManualClock())
    await database.write(lambda connection: None)
    await database.close()
    finding = await finding_of(database_url, tmp_path)
    assert finding.verdict is Verdict.FAILURE
    assert "parley db upgrade" in finding.remedy


async def test_a_newer_release_was_here(database_url: str, tmp_path: Path) -> None:
    """A database that a newer release has upgraded is not to be upgraded by this one."""
    await upgraded(database_url, "UPDATE alembic_version SET version_num = '9999'")
    finding = await finding_of(database_url, tmp_path)
    assert finding.verdict is Verdict.FAILURE
    assert "newer release" in finding.remedy


async def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    """Before the first start all is well, and looking makes no file."""
    finding = await finding_of(f"sqlite:///{tmp_path}/data/parley.db", tmp_path)
    assert finding.verdict is Verdict.OK
    assert not (tmp_path / "data").exists()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Something else under the database's name is a failure, not a crash."""
    file = tmp_path / "parley.db"
    file.write_text("these are not the bytes you are looking for " * 100)
    finding = await finding_of(f"sqlite:///{file}", tmp_path)
    assert finding.verdict is Verdict.FAILURE
    assert "DATABASE_URL" in finding.remedy


@pytest.mark.postgres
async def test_a_database_that_takes_no_writes(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """A standby, or a server whose disk is full, answers every question and yet is a failure."""
    name = postgres_server.create_database()
    url = postgres_server.url(name)
    await upgraded(url)
    postgres_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    finding = await finding_of(url, tmp_path)
    postgres_server.drop_database(name)
    assert finding.verdict is Verdict.FAILURE
    assert "read-only" in finding.said


async def test_a_server_that_is_away(tmp_path: Path, unused_tcp_port: int) -> None:
    """A database server that nobody can reach is a failure that shows no password."""
    url = f"postgresql://me:hunter2@127.0.0.1:{unused_tcp_port}/parley"
    finding = await finding_of(url, tmp_path)
    assert finding.verdict is Verdict.FAILURE
    assert "hunter2" not in finding.said + finding.remedy


async def test_a_directory_that_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the database can't be made, that is said before the first start."""
    monkeypatch.setattr("os.access", lambda *_: False)  # as root, every directory is writable
    finding = await finding_of(f"sqlite:///{tmp_path}/data/parley.db", tmp_path)
    assert finding.verdict is Verdict.FAILURE
    assert str(tmp_path) in finding.said
