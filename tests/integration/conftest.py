"""Databases with their tables made, on both engines; the tables are made once and then copied."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.vocabulary import SystemClock
from storage.database import Database
from storage.migrations.ready import make_tables, ready_sqlite
from tests.integration.operators_desk import OperatorsDesk
from tests.postgres import PostgresServer, ReusedDatabases


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a PostgreSQL database with empty tables, to be copied."""
    name = postgres_server.create_database()
    asyncio.run(make_tables(postgres_server.url(name)))
    return name


@pytest.fixture(scope="session")
def postgres_databases(
    postgres_server: PostgresServer, postgres_template: str
) -> Iterator[ReusedDatabases]:
    """PostgreSQL databases with empty tables."""
    databases = ReusedDatabases(postgres_server, postgres_template)
    yield databases
    databases.close()


@pytest.fixture
def ready_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with empty tables, on each of the two engines."""
    if dialect == "sqlite":
        yield ready_sqlite(tmp_path / "ready.db")
        return
    databases: ReusedDatabases = request.getfixturevalue("postgres_databases")
    name = databases.take()
    yield databases.server.url(name)
    databases.give_back(name)


@pytest.fixture
async def database(ready_url: str) -> AsyncIterator[Database]:
    """A database with empty tables, on each of the two engines."""
    database = Database(ready_url, clock=SystemClock())
    yield database
    await database.close()


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> OperatorsDesk:
    """An operator's desk in an empty directory."""
    return OperatorsDesk(tmp_path, monkeypatch, capsys)
