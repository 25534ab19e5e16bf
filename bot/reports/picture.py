"""Has a digest's picture drawn by a process of its own, so that nobody who waits for an answer notices."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import structlog

from bot.reports.drawing import Drawing

Draw = Callable[[Drawing], Awaitable[bytes | None]]
"""Draws a picture as `draw` does."""

log = structlog.get_logger(__name__)

DRAWING_S = 60.0
"""The first picture on a machine takes longest: matplotlib looks through the fonts."""

SAID_CHARS = 500


async def draw(drawing: Drawing) -> bytes | None:
    """The picture as PNG; None if it could not be drawn, for a digest is worth reading without it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.reports.drawing"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DRAWING_S):
            png, said = await process.communicate(drawing.to_json().encode())
    except TimeoutError:
        log.error("the picture took too long to be drawn", after_s=DRAWING_S)
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not png:
        log.error("the picture was not drawn", why=said.decode(errors="replace")[-SAID_CHARS:])
        return None
    return png
