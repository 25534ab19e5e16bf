"""The databases that tests get."""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Engine, inspect

from tests.kept_engines import KeptEngines
from tests.postgres import PostgresServer, ReusedDatabases
from tests.support import wait_until

STARTS_A_SERVER = """
from tests.postgres import PostgresServer
server = PostgresServer()
server.start()
print(server.url("postgres"), server.directory, flush=True)
input()
"""


async def test_each_test_has_an_empty_database(dialect: str, database_url: str) -> None:
    """Nothing that another test wrote is in it, and it can be written."""
    if dialect == "sqlite":
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as file:
            assert file.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        file.close()
        return
    connection = await asyncpg.connect(database_url)
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert await connection.fetchval(tables) == 0
    await connection.execute("CREATE TABLE mine (id int)")
    assert await connection.fetchval(tables) == 1
    await connection.close()


def test_an_engine_that_is_used_again_knows_nothing_of_the_database_it_had(tmp_path: Path) -> None:
    """Even if a connection was left open; and nobody gets one that a test still has."""
    engines = KeptEngines()

    def engine(name: str) -> Engine:
        return engines.sqlite(tmp_path / name, begin="BEGIN", pool_size=1)

    first, other = engine("a"), engine("a")
    assert other is not first
    left = first.connect()
    left.exec_driver_sql("CREATE TABLE mine (id INT)")
    left.commit()
    engines.give_back()
    again = {engine("b"), engine("b")}
    assert again == {first, other}
    for each in again:
        with each.connect() as connection:
            assert inspect(connection).get_table_names() == []
        each.dispose()
    left.invalidate()
    left.close()


@pytest.mark.postgres
async def test_a_template_is_copied_with_its_content(postgres_server: PostgresServer) -> None:
    """What is expensive to make is made once and copied."""
    template = postgres_server.create_database()
    postgres_server.execute("CREATE TABLE prepared (id int)", database=template)
    copy = postgres_server.create_database(template=template)
    assert postgres_server.execute("SELECT count(*) FROM prepared", database=copy).strip() == "0"
    for name in (template, copy):
        postgres_server.drop_database(name)


@pytest.mark.postgres
async def test_a_database_whose_tables_are_as_they_were_is_emptied_and_used_again(
    postgres_server: PostgresServer,
) -> None:
    """One that a test left with other tables is not."""
    template = postgres_server.create_database()
    for statement in ("CREATE TABLE alembic_version (version_num text)", "CREATE TABLE t (id int)"):
        postgres_server.execute(statement, database=template)
    databases = ReusedDatabases(postgres_server, template)
    first = databases.take()
    postgres_server.execute("INSERT INTO t VALUES (1)", database=first)
    databases.give_back(first)
    assert databases.take() == first
    assert postgres_server.execute("SELECT count(*) FROM t", database=first).strip() == "0"
    postgres_server.execute("ALTER TABLE t ADD COLUMN name text", database=first)
    databases.give_back(first)
    second = databases.take()
    assert second != first
    databases.give_back(second)
    databases.close()
    for name in (second, template):
        postgres_server.drop_database(name)


@pytest.mark.postgres
async def test_a_server_that_was_away_comes_back_with_its_data(
    postgres_server: PostgresServer,
) -> None:
    """A test can take the database away and give it back at the same address."""
    name = postgres_server.create_database()
    postgres_server.execute("CREATE TABLE kept (id int)", database=name)
    connection = await asyncpg.connect(postgres_server.url(name))
    postgres_server.stop()
    await wait_until(connection.is_closed)
    postgres_server.start()
    assert postgres_server.execute("SELECT count(*) FROM kept", database=name).strip() == "0"
    postgres_server.drop_database(name)


@pytest.mark.postgres
async def test_a_server_does_not_outlive_the_process_that_started_it() -> None:
    """Even a killed test run leaves neither server nor files behind."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTS_A_SERVER, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    url, directory = (await process.stdout.readline()).decode().split()
    connection = await asyncpg.connect(url)
    process.kill()
    await process.wait()
    await wait_until(connection.is_closed, what="the server to go down")
    await wait_until(lambda: not Path(directory).exists(), what="its directory to go")


async def test_waiting_for_what_never_comes_ends_and_says_so() -> None:
    """A condition that stays false fails the test with its name and its last value."""
    with pytest.raises(AssertionError, match=r"still waiting for: the dawn \(last: 0\)"):
        await wait_until(lambda: 0, deadline_s=0.01, what="the dawn")
