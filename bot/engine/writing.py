"""What a turn writes to the database: never torn in half, and not lost because it was away for a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.engine.turn_run import Services
from storage.errors import StorageUnavailable

T = TypeVar("T")

PATIENCE_S = 30.0
"""With a database that is away: a turn keeps what it has to write for so long."""

WRITE_AGAIN_S = 0.5


async def uninterrupted(work: Awaitable[T]) -> T:
    """Await something that must not be torn in half; a cancellation takes effect after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen: whoever cancelled wants to hear of nothing more
        raise


async def patiently(services: Services, write: Callable[[], Awaitable[T]]) -> T:
    """Write, again and again if the database is away for a moment; only between two attempts can this
    be cancelled. Raises `StorageUnavailable` after `PATIENCE_S`."""
    clock = services.clock
    give_up_at = clock.monotonic() + PATIENCE_S
    while True:
        try:
            return await uninterrupted(write())
        except StorageUnavailable:
            if clock.monotonic() >= give_up_at:
                raise
            services.metrics.database_failed("turn")
            await clock.sleep(WRITE_AGAIN_S)
