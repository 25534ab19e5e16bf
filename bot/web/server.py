"""The web server on PARLEY_HTTP."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog
from aiohttp import web

from config.environment import HttpAddress

STOP_S: Final = 0.5
"""How long stopping may take: half for requests under way to end, half for those cut off to clean up."""

BACKSTOP_S: Final = 0.25
"""What stopping may take beyond that, before it is given up."""

MAX_BODY_BYTES: Final = 4 * 1024 * 1024

_log = structlog.get_logger(__name__)


class WebServerError(Exception):
    """The web server can't listen where PARLEY_HTTP says; the message says why and what to do."""


class WebServer:
    """Serves the routes it was given, from `start` to `stop`."""

    def __init__(self, *, address: HttpAddress, stop_s: float = STOP_S) -> None:
        self._address = address
        self._stop_s = stop_s
        self._app = web.Application(client_max_size=MAX_BODY_BYTES)
        self._runner: web.AppRunner | None = None
        self._started = asyncio.Event()

    def add_routes(self, routes: Iterable[web.AbstractRouteDef]) -> None:
        """Serve these too. Only before `start`."""
        self._app.add_routes(routes)

    def at_stop(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this, too, when it stops. Only before `start`."""

        async def stop(_: web.Application) -> None:
            await work()

        self._app.on_shutdown.append(stop)

    async def serving(self) -> str:
        """Wait until it has started; its address."""
        await self._started.wait()
        return self.url

    @property
    def url(self) -> str:
        """The address that it serves, with the port that the system chose if that was 0.

        Raises RuntimeError while it is not started.
        """
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the web server is not started")
        port: int = self._runner.addresses[0][1]
        return f"http://{HttpAddress(host=self._address.host, port=port)}"

    async def start(self) -> None:
        """Listen. Raises `WebServerError` if the address can't be had."""
        # aiohttp waits this long twice: for handlers to end, then for cancelled ones to do so.
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=self._stop_s / 2)
        await runner.setup()
        site = web.TCPSite(runner, self._address.host, self._address.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise WebServerError(_explained(self._address, error)) from error
        self._runner = runner
        self._started.set()
        _log.info("web server started", url=self.url)

    async def stop(self) -> None:
        """Stop listening and end every connection, within about `stop_s`, whatever they do."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        cleanup = asyncio.ensure_future(runner.cleanup())
        done, _ = await asyncio.wait({cleanup}, timeout=self._stop_s + BACKSTOP_S)
        if not done:
            cleanup.cancel()
            _log.warning("web server: some requests did not end in time and were left behind")


def _explained(address: HttpAddress, error: OSError) -> str:
    where = f"PARLEY_HTTP={address}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where}: another process listens there. "
            "Stop it, or set PARLEY_HTTP to another host:port."
        )
    if error.errno == errno.EACCES:
        return (
            f"{where}: this user may not listen there. "
            "Set PARLEY_HTTP to a port above 1023, such as 127.0.0.1:8080."
        )
    reason = error.strerror or type(error).__name__
    return f"{where}: can't listen there ({reason}). Set PARLEY_HTTP to an address of this machine."
