"""The engine for many replicas: asyncpg through async SQLAlchemy, and `LISTEN`/`NOTIFY`."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

T = TypeVar("T")

POOL_SIZE = 10
POOL_WAIT_S = 10.0
COMMAND_TIMEOUT_S = 30.0
RETRIED = {"40001", "40P01"}  # serialization failure, deadlock: the loser simply runs again
ATTEMPTS = 4
RECONNECT_S = 2.0


class PostgresBackend:
    """Runs units of work on a PostgreSQL database that any number of replicas share."""

    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine: AsyncEngine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=False,  # a broken connection fails its unit of work, which its caller retries
            connect_args={"command_timeout": COMMAND_TIMEOUT_S, "timeout": POOL_WAIT_S},
        )

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; a deadlock's loser runs again from the start."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if attempt == ATTEMPTS or _sqlstate(error) not in RETRIED:
                    raise
        raise AssertionError("unreachable")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own."""
        return await self.write(work)

    def sole_user(self) -> bool:
        """Never: other replicas may hold leases, and only time tells whether they live."""
        return False

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Call `heard` with the payload of every notification, until cancelled.

        A lost connection is made again; what was said meanwhile is not heard, which is why the
        dispatcher polls as well.
        """
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_once(channel, heard)
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self, channel: str, heard: Callable[[str], None]) -> None:
        def on_notify(_: Any, __: int, ___: str, payload: object) -> None:
            heard(str(payload))

        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(url, timeout=POOL_WAIT_S)
        closed = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: closed.set())
            await connection.add_listener(channel, on_notify)
            heard("")  # something may have been said before we listened
            await closed.wait()
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
