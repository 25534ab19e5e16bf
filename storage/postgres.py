"""The engine for many replicas: asyncpg through async SQLAlchemy, and `LISTEN`/`NOTIFY`."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, Connection, NullPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.errors import StorageUnavailable

T = TypeVar("T")

POOL_WAIT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 30.0
RETRIED = {"40001", "40P01"}  # serialization failure, deadlock: the loser simply runs again
ATTEMPTS = 4
RECONNECT_S = 2.0


class PostgresBackend:
    """Runs units of work on a PostgreSQL database that any number of replicas share."""

    dialect = "postgresql"

    def __init__(self, url: URL, connections: int) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            # The driver reads the address itself: it knows `sslmode`, several hosts and all the rest.
            async_creator=self._connect,
            pool_size=connections,
            max_overflow=0,
            hide_parameters=True,  # they are what people said, and errors are logged
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=False,  # a broken connection fails its unit of work, which its caller retries
        )
        self._snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._single_queries = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._our_pids: set[int] = set()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; a deadlock's loser runs again from the start."""
        return await _transact(self._engine, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot, read-only."""
        return await _transact(self._snapshots, work)

    async def look(self, query: Callable[[Connection], T]) -> T:
        """Run one query outside of any transaction."""
        return await _transact(self._single_queries, query)

    async def maintain(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction whose statements may take as long as they need."""
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect_patiently,
            poolclass=NullPool,
            hide_parameters=True,
        )
        try:
            return await _transact(engine, work)
        finally:
            await engine.dispose()

    def sole_user(self) -> bool:
        """Never: other replicas may hold leases, and only time tells whether they live."""
        return False

    async def listen(self, channel: str, heard: Callable[[], None], *, less_our_own: str) -> None:
        """Call `heard` at every notification, until cancelled; but not at our own with this payload.

        A lost connection is made again; what was said meanwhile is not heard, which is why the
        dispatcher polls as well.
        """
        lost = (StorageUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
        while True:
            with contextlib.suppress(*lost):
                await self._listen_once(channel, heard, less_our_own)
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(
        self, channel: str, heard: Callable[[], None], less_our_own: str
    ) -> None:
        def on_notify(_: Any, pid: int, __: str, payload: object) -> None:
            if payload != less_our_own or pid not in self._our_pids:
                heard()

        connection = await self._connect()
        closed = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: closed.set())
            await connection.add_listener(channel, on_notify)
            heard()  # something may have been said before we listened
            await closed.wait()
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def _connect(self, command_timeout_s: float | None = COMMAND_TIMEOUT_S) -> Any:
        try:
            connection = await asyncpg.connect(
                self._address, timeout=CONNECT_TIMEOUT_S, command_timeout=command_timeout_s
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StorageUnavailable(f"PostgreSQL lets nobody in: {error}") from error
        pid = connection.get_server_pid()
        self._our_pids.add(pid)
        connection.add_termination_listener(lambda _: self._our_pids.discard(pid))
        return connection

    async def _connect_patiently(self) -> Any:
        return await self._connect(command_timeout_s=None)


async def _transact(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    for _ in range(ATTEMPTS - 1):
        try:
            return await _once(engine, work)
        except DBAPIError as error:
            if _sqlstate(error) not in RETRIED:
                raise
    return await _once(engine, work)


async def _once(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
