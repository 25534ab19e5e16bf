"""Socket Mode: two connections, so that the renewal of one leaves no gap.

https://docs.slack.dev/apis/events-api/using-socket-mode: an app may have up to ten, and each event goes
to one of them. Slack renews them every now and then, and the SDK opens the next one by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from adapters.slack.api import Connection
from adapters.slack.socket_log import SocketLog
from bot.vocabulary import Clock

log = structlog.get_logger(__name__)

SOCKETS: Final = 2
PING_S: Final = 2.0
"""A socket that is silent for a small multiple of this is dead, and is replaced."""

GAP_S: Final = 5.0
CLOSE_S: Final = 1.0
LOOK_S: Final = 1.0


class Sockets:
    """Keeps the connections open while it runs."""

    def __init__(
        self,
        *,
        app: AsyncApp,
        app_token: str,
        connection: Connection,
        clock: Clock,
        after_gap: Callable[[float], None],
        before_close: Callable[[], Awaitable[None]],
        count: int = SOCKETS,
        ping_s: float = PING_S,
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._connection = connection
        self._clock = clock
        self._after_gap = after_gap
        self._before_close = before_close
        self._count = count
        self._ping_s = ping_s
        self._handlers: list[AsyncSocketModeHandler] = []
        self._greeted: set[int] = set()
        self._log = SocketLog(clock=clock)

    @property
    def connected(self) -> bool:
        """At least one is open, and Slack has said hello on it."""
        return any(
            index in self._greeted and _is_open(handler)
            for index, handler in enumerate(self._handlers)
        )

    async def run(self, first_url: str) -> None:
        """Connect and stay connected until cancelled; the first connection goes to `first_url`."""
        try:
            self._handlers = [self._handler(index) for index in range(self._count)]
            self._handlers[0].client.wss_uri = first_url
            connecting = [asyncio.create_task(_connected(each)) for each in self._handlers]
            try:
                await self._watch()
            finally:
                for task in connecting:
                    task.cancel()
        finally:
            await self._before_close()  # what is under way can still be acknowledged
            await self._close()

    async def _watch(self) -> None:
        """Note when there was no connection at all for a while, and tell once there is one again."""
        seen_at: float | None = None
        while True:
            now = self._clock.monotonic()
            if self.connected:
                if seen_at is not None and now - seen_at > GAP_S:
                    log.warning("connected to Slack again", away_s=round(now - seen_at, 1))
                    self._after_gap(now - seen_at)
                seen_at = now
            await self._clock.sleep(LOOK_S)

    def _handler(self, index: int) -> AsyncSocketModeHandler:
        handler = AsyncSocketModeHandler(
            self._app,
            self._app_token,
            logger=self._log,
            web_client=self._connection.client(),
            ping_interval=self._ping_s,
        )
        handler.client.proxy = self._connection.proxy

        async def greeted(_client: Any, message: dict[str, Any], _raw: str | None) -> None:
            if message.get("type") == "hello":
                self._greeted.add(index)

        handler.client.message_listeners.append(greeted)
        return handler

    async def _close(self) -> None:
        handlers, self._handlers = self._handlers, []
        self._greeted.clear()
        await asyncio.gather(*(_closed(handler) for handler in handlers))


async def _connected(handler: AsyncSocketModeHandler) -> None:
    await handler.connect_async()  # type: ignore[no-untyped-call]


async def _closed(handler: AsyncSocketModeHandler) -> None:
    """Close it in time, and whatever of it the SDK would leave behind then."""
    client = handler.client
    try:
        async with asyncio.timeout(CLOSE_S):
            await handler.close_async()  # type: ignore[no-untyped-call]
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        log.debug("a socket was not closed in order", error=str(error))
    finally:
        tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
        for task in tasks:
            if task is not None:
                task.cancel()
        await client.aiohttp_client_session.close()


def _is_open(handler: AsyncSocketModeHandler) -> bool:
    session = handler.client.current_session
    return session is not None and not session.closed
