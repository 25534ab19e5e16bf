"""Listening on loopback: what every simulator does with its web application."""

import asyncio
import signal
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol, Self

from aiohttp import web

_STOP_WITHIN_S = 0.2


class Site:
    """Where a simulator listens. After `stop` it can be started again, on the same port."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self, app: web.Application) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_STOP_WITHIN_S
        )
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await self.stop()
            raise
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and break off what is running; fine if it is not running."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def address(self) -> str:
        """Host and port, such as `127.0.0.1:8080`."""
        return f"{self._host}:{self._port}"


class Startable(ABC):
    """What runs between `start` and `stop`, or while its context is entered."""

    @abstractmethod
    async def start(self) -> None:
        """Start; what listens raises `OSError` if its port is taken."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop and break off what is running; fine if it is not running."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        await self.stop()


class Addressed(Protocol):
    """What listens somewhere."""

    @property
    def base_url(self) -> str:
        """Where it listens."""


async def serve_until_stopped(simulator: AbstractAsyncContextManager[Addressed]) -> None:
    """Print the simulator's address on one line, then serve until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with simulator as running:
        print(running.base_url, flush=True)
        await stopped.wait()
