"""The embedded database: one writer thread, a few readers, `BEGIN IMMEDIATE`, WAL.

A whole unit of work crosses into its thread once. Sending each statement across on its own, as an
async driver does, costs twice the processor time (see docs/benchmarks.md).
"""

import asyncio
import fcntl
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry

from storage.errors import NoDatabase, StorageUnavailable

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
READERS = 2
SWITCH_AGAIN_S = 0.02


class SqliteBackend:
    """Runs units of work on one SQLite file. It is for one process; others may read beside it."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._write_engine = _engine(path, begin="BEGIN IMMEDIATE", pool_size=1)
        self._read_engine = _engine(path, begin="BEGIN", pool_size=READERS)
        self._lock_file: IO[bytes] | None = None
        self._inode: int | None = None
        self._inode_guard = threading.Lock()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that no other writer is in."""
        return await _in_thread(self._writer, self._run, self._write_engine, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot, beside the writer."""
        return await _in_thread(self._readers, self._run, self._read_engine, work)

    async def look(self, query: Callable[[Connection], T]) -> T:
        """As `read`."""
        return await self.read(query)

    async def maintain(self, work: Callable[[Connection], T]) -> T:
        """As `write`: here nothing ever limits how long a statement may take."""
        return await self.write(work)

    def sole_user(self) -> bool:
        """Mark the file as in use by this process; true if no other living process has it in use.

        The mark is a lock that the system takes away when the process dies, however it dies.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._lock_file is None:
            self._lock_file = Path(f"{self.path}.lock").open("ab")  # noqa: SIM115 - held until close
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone = False
        else:
            alone = True
        fcntl.flock(self._lock_file, fcntl.LOCK_SH)
        return alone

    async def close(self) -> None:
        """Finish what runs, then close every connection."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._write_engine.dispose()
        self._read_engine.dispose()
        if self._lock_file is not None:
            self._lock_file.close()

    def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        self._check_still_there()
        with engine.begin() as connection:
            return work(connection)

    def _check_still_there(self) -> None:
        """A deleted file would go on taking writes that nobody will ever read."""
        with self._inode_guard:
            try:
                found = os.stat(self.path)  # noqa: PTH116 - the cheap call; it runs every time
            except FileNotFoundError:
                if self._inode is None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    return
                raise StorageUnavailable(
                    f"the database file {self.path} has vanished; put it back, or stop Parley and start "
                    "it again to begin with an empty one"
                ) from None
            if stat.S_ISDIR(found.st_mode):
                raise NoDatabase(f"{self.path} is a folder; name a file in DATABASE_URL")
            if self._inode is not None and found.st_ino != self._inode:
                self._write_engine.dispose()
                self._read_engine.dispose()
            self._inode = found.st_ino


def _engine(path: Path, *, begin: str, pool_size: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # they are what people said, and errors are logged
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions are ours
        cursor = connection.cursor()
        # FULL: what a platform was told has arrived must survive a power cut, not only a crash.
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        _use_wal(cursor)
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _use_wal(cursor: DBAPICursor) -> None:
    """Of several processes that make a file at the same time one can switch it; SQLite tells the others
    at once that it is locked, whatever the busy timeout ("Sometimes Queries Return SQLITE_BUSY In WAL
    Mode", https://sqlite.org/wal.html)."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(SWITCH_AGAIN_S)
        else:
            return


async def _in_thread(
    executor: ThreadPoolExecutor,
    run: Callable[[Engine, Callable[[Connection], T]], T],
    engine: Engine,
    work: Callable[[Connection], T],
) -> T:
    return await asyncio.get_running_loop().run_in_executor(executor, run, engine, work)
