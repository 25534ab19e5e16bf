"""Small things done beside the acknowledgement, which must not wait for them. Each has a deadline."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from bot.ports import IntakeUnavailable, PlatformError

log = structlog.get_logger(__name__)

MAX_ERRANDS: Final = 500
ERRAND_S: Final = 15.0


class Errands:
    """Runs them, and ends what is left of them."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def run(
        self, name: str, work: Coroutine[Any, Any, object], *, within_s: float = ERRAND_S
    ) -> None:
        """Do it soon; where there are too many it is left out, as none is worth holding anything up."""
        if len(self._running) >= MAX_ERRANDS:
            work.close()
            log.warning("left out, as too much is to be done at once", errand=name)
            return
        task = asyncio.create_task(self._do(name, work, within_s), name=f"slack {name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def aclose(self) -> None:
        """End them."""
        running = set(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _do(self, name: str, work: Coroutine[Any, Any, object], within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await work
        except (PlatformError, IntakeUnavailable, TimeoutError) as error:
            log.warning("not done", errand=name, error=str(error))
        except Exception:
            log.exception("a defect ended an errand", errand=name)
