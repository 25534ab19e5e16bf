"""Plugins while the service runs: begun and ended with it, and watched."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable

from bot.host.containment import contain_tasks
from bot.host.host import PluginHost
from bot.host.occasion import Occasion
from bot.host.watchdog import LOOK_EVERY_S, Watchdog

STOOD_STILL = os.EX_SOFTWARE
"""The exit status of a process that a plugin kept from going on."""


class RunningPlugins:
    """Enter it around the service's work."""

    def __init__(
        self,
        *,
        host: PluginHost,
        occasion: Occasion,
        block_s: float,
        report: Callable[[str, float], None],
    ) -> None:
        self._host = host
        self._occasion = occasion
        self._watchdog = Watchdog(
            folders={live.name: live.loaded.folder for live in host.plugins},
            report=report,
            leave=_leave,
            break_s=block_s,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The plugins' lifespans have begun within. Raises `PluginsUnusable`."""
        if not self._host.plugins and not self._host.loading.broken:
            yield
            return
        loop = asyncio.get_running_loop()
        earlier = loop.get_task_factory()
        contain_tasks(loop)
        beating = asyncio.create_task(self._beat(), name="plugin watchdog")
        try:
            with self._watchdog.watching():
                try:
                    await self._host.start(self._occasion)
                    yield
                finally:
                    await self._host.aclose()
        finally:
            beating.cancel()
            loop.set_task_factory(earlier)

    async def _beat(self) -> None:
        while True:
            self._watchdog.beat()
            await asyncio.sleep(LOOK_EVERY_S)


def _leave() -> None:
    """Whatever runs is leased, and goes on in another process or after the next start."""
    sys.stderr.flush()
    os._exit(STOOD_STILL)
