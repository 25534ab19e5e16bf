"""The database: every statement of Parley runs through `Database.write` or `Database.read`.

A unit of work is a plain function of a connection and its arguments. It runs as one transaction, on
either database, and nothing outside `storage` sees SQL or a driver's error.
"""

import asyncio
import functools
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from bot.vocabulary import Clock
from storage.clock import DatabaseClock
from storage.errors import NoDatabase, NoSuchDatabase, StorageError, StorageUnavailable
from storage.sqlite import SqliteBackend

if TYPE_CHECKING:
    from storage.postgres import PostgresBackend

P = ParamSpec("P")
T = TypeVar("T")

WAKE_CHANNEL = "parley_wake"
_BUT_US = "but us"
_tell_all = text(f"NOTIFY {WAKE_CHANNEL}")
_tell_others = text(f"NOTIFY {WAKE_CHANNEL}, '{_BUT_US}'")


class Database:
    """One code path for SQLite and PostgreSQL. Connects at first use; close it with `close`."""

    def __init__(self, url: str, *, clock: Clock, connections: int = 10) -> None:
        """`url` is `sqlite:///FILE` or `postgresql://…`, and `connections` how many to PostgreSQL at most,
        beside the one that `listen` has. Raises `StorageError` on any other `url`."""
        self._backend = _backend(url, connections)
        self._machine_clock = clock
        self._clock = DatabaseClock(clock)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._backend.dialect

    @property
    def file(self) -> Path | None:
        """SQLite's file, whether it exists yet or not; None on PostgreSQL."""
        return self._backend.path if isinstance(self._backend, SqliteBackend) else None

    @property
    def has_file(self) -> bool:
        """SQLite's file exists; always so on PostgreSQL. Any other use of the database makes the file."""
        return self.file is None or self.file.exists()

    def require_file(self) -> None:
        """Raises `NoSuchDatabase` if SQLite's file does not exist."""
        file = self.file
        if file is not None and not file.exists():
            raise NoSuchDatabase(
                f"there is no database at {file.absolute()}; see that DATABASE_URL names yours "
                "(the first start of Parley makes a new one)"
            )

    def now(self) -> datetime:
        """The database's time, UTC, without asking it."""
        return self._clock.now()

    def sole_user(self) -> bool:
        """Whether no other living process can be using the database (SQLite alone can know)."""
        return self._backend.sole_user()

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(connection, …)` as one transaction and return its result.

        Raises:
            StorageUnavailable: the database is away, locked, full or overloaded; nothing was written.
            StorageError: it refused. Errors that `work` itself raises roll back and pass through.
        """
        with _translated():
            return await self._backend.write(functools.partial(_apply, work, args, kwargs))

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(connection, …)` on a snapshot; for queries. Raises as `write` does."""
        with _translated():
            return await self._backend.read(functools.partial(_apply, work, args, kwargs))

    async def look(
        self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, for one query, which is a snapshot in itself: on PostgreSQL it saves two of three
        round trips."""
        with _translated():
            return await self._backend.look(functools.partial(_apply, query, args, kwargs))

    async def maintain(
        self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `write`, for an operator's long work: no statement is ended for taking its time."""
        with _translated():
            return await self._backend.maintain(functools.partial(_apply, work, args, kwargs))

    async def ping(self) -> None:
        """Return if the database answers. Raises `StorageUnavailable` if not."""
        await self.look(_ping)

    async def synchronise_clock(self) -> None:
        """Take over PostgreSQL's time; on SQLite follow the machine's own, but never at a jump."""
        if self.dialect == "sqlite":
            self._clock.follow(self._machine_clock.now())
            return
        asked_at = self._machine_clock.monotonic()
        self._clock.set(await self.look(_database_time), asked_at=asked_at)

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever another replica says that work has come; until cancelled."""
        if isinstance(self._backend, SqliteBackend):
            await asyncio.Event().wait()
        else:
            await self._backend.listen(WAKE_CHANNEL, heard, less_our_own=_BUT_US)

    async def close(self) -> None:
        """Finish what runs and close every connection."""
        await self._backend.close()


def sqlite_file(url: str) -> Path | None:
    """The file that an address of SQLite names; None for other addresses."""
    prefix = "sqlite:///"
    return Path(url.removeprefix(prefix)) if url.startswith(prefix) else None


def notify(connection: Connection, *, but_us: bool = False) -> None:
    """Tell the replicas, when this transaction commits, that work has come; with `but_us` only the
    others, since this one knows."""
    if connection.dialect.name == "postgresql":
        connection.execute(_tell_others if but_us else _tell_all)


def _backend(url: str, connections: int) -> "SqliteBackend | PostgresBackend":
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StorageError(
            "DATABASE_URL is not an address; use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        ) from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return SqliteBackend(Path(parsed.database))
        case "sqlite":
            raise StorageError("DATABASE_URL names no file; use sqlite:///FILE")
        case "postgresql":
            from storage.postgres import PostgresBackend  # here, as SQLite needs none of its driver

            return PostgresBackend(parsed, connections)
        case other:
            raise StorageError(
                f"DATABASE_URL: {other} is not supported; use sqlite:/// or postgresql://"
            )


def _apply(
    work: Callable[..., T],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    connection: Connection,
) -> T:
    return work(connection, *args, **kwargs)


def _ping(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def _database_time(connection: Connection) -> datetime:
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now.astimezone(UTC)


def _is_data_error(error: BaseException | None) -> bool:
    """The statement's values are at fault (SQLSTATE class 22): trying again would be in vain."""
    if not isinstance(error, DBAPIError):
        return False
    return str(getattr(error.orig, "sqlstate", "") or "").startswith("22")


def _is_no_database(error: BaseException | None) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB


class _translated:  # noqa: N801 - reads as a word in `with _translated():`
    """Turns the drivers' errors into ours, once, at this edge."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, IntegrityError | DataError) or _is_data_error(error):
            raise StorageError(f"the database refused: {getattr(error, 'orig', error)}") from error
        if _is_no_database(error):
            raise NoDatabase(
                "the file that DATABASE_URL names is not a database; name another, or put your copy back"
            ) from error
        if isinstance(error, SQLAlchemyError | OSError | TimeoutError):
            reason = getattr(error, "orig", None) or error
            raise StorageUnavailable(f"the database can't be used: {reason}") from error
