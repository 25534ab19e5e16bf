"""A plugin's lifespan: one task from its beginning to its end, as clients with a background need it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog

from bot.host.errors import PluginFailed
from bot.host.shield import Shield

log = structlog.get_logger(__name__)

START_S = 30.0
END_S = 2.0


class Lifespan:
    """Runs the generator `begin` makes: up to its yield at `start`, the rest at `end`."""

    def __init__(self, *, shield: Shield, begin: Callable[[], AsyncIterator[Any]]) -> None:
        self._shield = shield
        self._begin = begin
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Any:
        """What it yields. Raises `PluginFailed`."""
        ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._stop.clear()

        async def begun() -> Any:
            self._task = asyncio.create_task(self._live(ready), name=f"{self._shield.plugin} lives")
            await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                return ready.result()
            self._task.result()
            raise RuntimeError("the lifespan did not yield")

        try:
            return await self._shield.call("lifespan", begun, timeout_s=START_S)
        except PluginFailed:
            await self.end()
            raise

    async def end(self) -> None:
        """Let it clean up, for a bounded time. Never raises."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stop.set()
        await asyncio.wait({task}, timeout=END_S)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=END_S)
        if task.done() and not task.cancelled() and task.exception() is not None:
            log.error(
                "lifespan ended badly", plugin=self._shield.plugin, error=repr(task.exception())
            )

    async def _live(self, ready: "asyncio.Future[Any]") -> None:
        generator = self._begin()
        ready.set_result(await anext(generator))
        await self._stop.wait()
        try:
            await anext(generator)
        except StopAsyncIteration:
            return
        raise RuntimeError("the lifespan yielded twice")
