"""One server: connected again and again, its tools while it is there."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from structlog.typing import FilteringBoundLogger

from bot.plugins import Told
from plugins.mcp.offers import Assortment, sorted_out
from plugins.mcp.settings import ServerSettings

CONNECT_S = 30.0
AT_LEAST_S = 0.2
LOOK_AGAIN_S = 60.0
"""A server that is silent is asked for its tools this often: so its death is noticed."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 120.0
MAX_TOLD_CHARS = 1_000


class Server:
    """A server and how it stands. `run` for as long as it is wanted."""

    def __init__(
        self,
        name: str,
        settings: ServerSettings,
        *,
        log: FilteringBoundLogger,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.name = name
        self.settings = settings
        self.since = now()
        """When it came up or went down."""
        self.trouble: str | None = "is being connected"
        """Why it is not there; None while it is."""
        self.tools = Assortment()
        self._log = log.bind(server=name)
        self._now = now
        self._sleep = sleep
        self._connection: Any = None
        self._news = asyncio.Event()
        self._pause_s = FIRST_PAUSE_S

    async def run(self) -> None:
        """Keep connected until cancelled. A server that can't be had is tried again, ever more seldom."""
        while True:
            try:
                await self._serve()
            except Exception as error:
                self._down(_plainly(error))
            await self._sleep(self._pause_s)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """What a tool returns, as text, cut off where it gets too long. Raises `Told`, and nothing else."""
        if self._connection is None:
            raise Told(f"The server {self.name} can't be reached just now.")
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                text, failed = await self._connection.call(tool, arguments)
        except Exception as error:
            raise self._told(tool, error) from error
        if failed:
            raise Told(_cut(text, MAX_TOLD_CHARS) or "The tool failed.")
        return _cut(text, self.settings.max_result_chars)

    async def _serve(self) -> None:
        """Connect, and follow what becomes of it. Raises when it ends."""
        # In a thread, since the import takes longer than anybody may keep the loop waiting.
        connection = await asyncio.to_thread(importlib.import_module, "plugins.mcp.connection")
        self._news.clear()
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(CONNECT_S):
                there = await stack.enter_async_context(
                    connection.connected(
                        self.settings,
                        on_change=self._news.set,
                        on_complaint=self._complain,
                    )
                )
            stack.callback(self._disconnected)
            while True:
                await self._look(there)
                await self._sleep(AT_LEAST_S)  # one that always has news is not asked all the time
                await self._news_or_time()

    async def _look(self, there: Any) -> None:
        """Ask for its tools. Raises if it does not tell."""
        async with asyncio.timeout(CONNECT_S):
            listed = await there.tools()
        before, self.tools = self.tools, sorted_out(self.name, self.settings, listed)
        self._connection = there
        if self.trouble is not None:
            self.trouble, self.since, self._pause_s = None, self._now(), FIRST_PAUSE_S
            self._log.info("mcp server is up", tools=len(self.tools.offers))
        elif self.tools != before:
            self._log.info("mcp server has other tools now", tools=len(self.tools.offers))
        if self.tools.left_out and self.tools.left_out != before.left_out:
            self._log.warning("tools left out", tools=dict(self.tools.left_out))

    async def _news_or_time(self) -> None:
        waiting = [
            asyncio.ensure_future(self._news.wait()),
            asyncio.ensure_future(self._sleep(LOOK_AGAIN_S)),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        self._news.clear()

    def _disconnected(self) -> None:
        self._connection, self.tools = None, Assortment()

    def _down(self, why: str) -> None:
        if self.trouble is None or self.trouble != why:
            self._log.warning("mcp server is down", why=why)
        if self.trouble is None:
            self.since = self._now()
        self.trouble = why

    def _complain(self, line: str) -> None:
        self._log.debug("mcp server complains", text=line)

    def _told(self, tool: str, error: Exception) -> Told:
        """What Claude is told; a connection that may have ended is looked at."""
        kind = type(error).__name__
        self._log.warning("mcp tool failed", tool=tool, error=kind)
        if kind == "Refused":
            return Told(_cut(f"The server refuses: {error}", MAX_TOLD_CHARS))
        if isinstance(error, TimeoutError):
            return Told(f"The tool took longer than {self.settings.timeout_s:g} s.")
        self._news.set()
        if kind == "Gone":
            self._disconnected()
            self._down("it went away, or said more than it may")
            return Told(f"The server {self.name} went away, or said more than it may.")
        return Told("The server's answer makes no sense.")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut off here: there are {len(text):,} characters]"


def _plainly(error: BaseException) -> str:
    """Why it is not there, in words that hold no secret: an exception's own may quote a header or url."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case FileNotFoundError() | PermissionError():
            return "its command can't be run"
        case TimeoutError():
            return "it does not answer"
    match type(error).__name__:
        case "Missing":
            return str(error)
        case "ValidationError":
            return "it says what no MCP server may"
        case kind:
            return f"the connection failed ({kind})"
