"""Copies of the database that are consistent although the service goes on writing."""

import os
import shlex
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Connection, make_url

from storage.errors import StorageError, StorageUnavailable


def backup_name(file: Path, now: datetime) -> Path:
    """Where a copy made now goes unless the operator says otherwise: beside the database."""
    return file.with_name(f"{file.stem}-{now:%Y%m%dT%H%M%S%fZ}.backup.db")


def copy_to(connection: Connection, target: Path) -> int:
    """Copy the SQLite database, as of this moment, into a file of its own; returns its size in bytes.

    Run it with `Database.read`: it disturbs neither writers nor readers. The copy is checked, on the
    disk, and as private as the original before it gets its name.

    Raises:
        StorageError: `target` is there already.
        StorageUnavailable: it can't be written, or what was written is damaged.
    """
    if target.exists():
        raise StorageError(f"{target} is there already; name another file")
    partial = target.with_name(f"{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _create_like(partial, _file_of(connection))
        _copy(_driver(connection), partial)
        return _give_name(partial, target)
    except (sqlite3.Error, OSError) as error:
        raise StorageUnavailable(f"the copy to {target} failed: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def dump_command(url: str, target: str) -> str:
    """The shell command that backs up a PostgreSQL database; it asks for the password itself."""
    given = make_url(url).difference_update_query(["password"])
    address = URL.create(
        "postgresql",
        username=given.username,
        host=given.host,
        port=given.port,
        database=given.database,
        query=given.query,
    )
    arguments = ["pg_dump", "--format=custom", f"--file={target}", f"--dbname={address}"]
    return shlex.join(arguments)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise StorageError("PostgreSQL is backed up by pg_dump")
    return driver


def _file_of(connection: Connection) -> Path:
    row = connection.exec_driver_sql("PRAGMA database_list").one()
    return Path(row.file)


def _create_like(partial: Path, original: Path) -> None:
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.chmod(original.stat().st_mode)


def _copy(source: sqlite3.Connection, partial: Path) -> None:
    with closing(sqlite3.connect(partial)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")


def _give_name(partial: Path, target: Path) -> int:
    with partial.open("rb+") as written:
        os.fsync(written.fileno())
        size = written.seek(0, os.SEEK_END)
    partial.rename(target)
    _sync_directory(target.parent)
    return size


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
