"""`parley db`: tables brought up to date, a database checked, a copy made while the service runs."""

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.vocabulary import SystemClock
from storage import migrations
from storage.database import Database
from storage.migrations.ready import ready_sqlite
from tests.engine_rig import engine
from tests.integration.operators_desk import OperatorsDesk

NEWER = "UPDATE alembic_version SET version_num = '9999'"
MONEY_SET_ASIDE = (
    "INSERT INTO budget (key, spent_nanousd, held_nanousd, raised_nanousd, ends_at)"
    " VALUES ('global', 0, 7, 0, '2026-12-01 00:00:00+00')"
)
PASSWORD = "hunter2"


async def run(url: str, sql: str) -> None:
    """Run a statement as somebody who has no business with the database."""

    def work(connection: Connection) -> None:
        connection.execute(text(sql))

    database = Database(url, clock=SystemClock())
    await database.write(work)
    await database.close()


@pytest.fixture
def file(desk: OperatorsDesk) -> Path:
    """A SQLite database in the operator's directory, which the settings name."""
    file = desk.directory / "parley.db"
    ready_sqlite(file)
    file.chmod(0o600)
    desk.set(DATABASE_URL="sqlite:///parley.db")
    return file


async def test_upgrade_makes_the_tables_once(database_url: str, desk: OperatorsDesk) -> None:
    """An empty database gets them all, and is in order then; the second time there is nothing to do."""
    desk.set(DATABASE_URL=database_url)
    first = await desk.parley("db", "upgrade")
    assert (first.status, first.out) == (0, f"Tables: from nothing to {migrations.head()}.\n")
    second = await desk.parley("db", "upgrade")
    assert (second.status, second.out) == (0, "Tables: already up to date.\n")
    checked = await desk.parley("db", "check")
    assert checked.status == 0
    assert checked.out == "The database answers, is up to date and agrees with itself.\n"


@pytest.mark.parametrize("arguments", [("db", "upgrade"), ("db", "check"), ("turns", "retry", "X")])
async def test_what_a_newer_release_has_upgraded_is_left_alone(
    ready_url: str, desk: OperatorsDesk, arguments: tuple[str, ...]
) -> None:
    """An older release says which one to run instead."""
    desk.set(DATABASE_URL=ready_url)
    await run(ready_url, NEWER)
    said = await desk.parley(*arguments)
    assert "revision 9999" in said.sentence
    assert "run the newer release" in said.sentence


async def test_check_says_that_an_upgrade_is_due(database_url: str, desk: OperatorsDesk) -> None:
    """A database without this release's tables is told with the command that makes them."""
    desk.set(DATABASE_URL=database_url)
    await run(database_url, "SELECT 1")
    assert "run `parley db upgrade`" in (await desk.parley("db", "check")).sentence


async def test_check_before_the_first_start(desk: OperatorsDesk) -> None:
    """A file that is not there yet is no database in order, and looking does not make it."""
    desk.set(DATABASE_URL="sqlite:///data/parley.db")
    assert "data/parley.db is not there yet" in (await desk.parley("db", "check")).sentence
    assert list(desk.directory.iterdir()) == []


async def test_check_tells_what_does_not_agree(ready_url: str, desk: OperatorsDesk) -> None:
    """Money that is set aside for no request is a defect, said as one."""
    desk.set(DATABASE_URL=ready_url)
    await run(ready_url, MONEY_SET_ASIDE)
    said = await desk.parley("db", "check")
    assert said.sentence == (
        "Error: 1 budgets set money aside, but no request is open; please report this\n"
    )


async def test_check_of_a_running_service(ready_url: str, desk: OperatorsDesk) -> None:
    """In the middle of an answer everything agrees."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        rig.claude.hold(after_chunks=1)
        question = rig.say("Count.")
        await rig.claude.wait_for_held()
        assert (await desk.parley("db", "check")).status == 0
        rig.claude.release()
        await rig.end_of(question)
        assert (await desk.parley("db", "check")).status == 0


def damage(file: Path) -> None:
    """Overwrite a page in its middle."""
    content = bytearray(file.read_bytes())
    content[8_192:12_288] = b"\xff" * 4_096
    file.write_bytes(content)


async def test_a_damaged_file_is_found(file: Path, desk: OperatorsDesk) -> None:
    """A file whose middle was overwritten is not called healthy."""
    damage(file)
    said = await desk.parley("db", "check")
    assert said.status == 1
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", ["upgrade", "check"])
async def test_a_server_that_is_away(
    desk: OperatorsDesk, command: str, unused_tcp_port: int
) -> None:
    """It is told in a sentence, without the password."""
    desk.set(DATABASE_URL=f"postgresql://me:{PASSWORD}@127.0.0.1:{unused_tcp_port}/parley")
    said = await desk.parley("db", command)
    assert "the database can't be used" in said.sentence
    assert PASSWORD not in said.err


async def test_a_copy_made_while_the_service_runs(file: Path, desk: OperatorsDesk) -> None:
    """It is a whole database of its own, as private as the original, with all that was said till then."""
    async with engine(f"sqlite:///{file}") as rig:
        rig.claude.script.next("Paris.", "Two million.")
        await rig.ask("The capital of France?")
        rig.claude.hold(after_chunks=1)
        question = rig.say("Its size?")
        await rig.claude.wait_for_held()
        said = await desk.parley("db", "backup", "copies/friday.db")
        rig.claude.release()
        await rig.end_of(question)
    copy = desk.directory / "copies" / "friday.db"
    assert said.out == f"Copied {copy.stat().st_size:,} bytes to copies/friday.db.\n"
    assert [each.name for each in copy.parent.iterdir()] == ["friday.db"]
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        answers = connection.execute("SELECT answer FROM turn WHERE status = 'delivered'")
        assert answers.fetchall() == [("Paris.",)]
    desk.set(DATABASE_URL="sqlite:///copies/friday.db")
    assert (await desk.parley("usage", "--json")).json["turns"] == 1


async def test_a_copy_without_a_name_stands_beside_the_database(
    file: Path, desk: OperatorsDesk
) -> None:
    """Its name is new each time, so that no copy replaces another."""
    for _ in range(2):
        assert (await desk.parley("db", "backup")).status == 0
    copies = [each.name for each in desk.directory.iterdir() if each != file]
    assert len(copies) == 2
    assert all(name.endswith(".backup.db") for name in copies)


async def test_no_copy_replaces_what_is_there(file: Path, desk: OperatorsDesk) -> None:
    """The file that has the name already stays as it is."""
    (desk.directory / "letter.txt").write_text("Dear operator")
    said = await desk.parley("db", "backup", "letter.txt")
    assert "letter.txt is there already; name another file" in said.sentence
    assert (desk.directory / "letter.txt").read_text() == "Dear operator"


async def test_there_is_nothing_to_copy_before_the_first_start(desk: OperatorsDesk) -> None:
    """That is said, and no empty copy made."""
    desk.set(DATABASE_URL="sqlite:///parley.db")
    assert "there is nothing to copy" in (await desk.parley("db", "backup")).sentence
    assert list(desk.directory.iterdir()) == []


@pytest.mark.parametrize(("named", "target"), [((), "parley.dump"), (("a b.dump",), "a b.dump")])
async def test_postgresql_is_backed_up_by_its_own_tool(
    desk: OperatorsDesk, named: tuple[str, ...], target: str
) -> None:
    """The command to run is told, ready to be pasted, without the password."""
    desk.set(DATABASE_URL=f"postgresql://me:{PASSWORD}@db.example/parley")
    said = await desk.parley("db", "backup", *named)
    program, *arguments = shlex.split(said.sentence.partition("Run: ")[2])
    assert program == "pg_dump"
    assert arguments == [
        "--format=custom",
        f"--file={target}",
        "--dbname=postgresql://me@db.example/parley",
    ]
