"""Pictures of digests, drawn by the process that runs the test: each takes a tenth of what it takes a
process of its own."""

import asyncio
import functools

from bot.reports.drawing import Drawing, png_of


class DrawnHere:
    """Draws one picture at a time, since matplotlib's settings are those of the whole process."""

    def __init__(self) -> None:
        self._alone = asyncio.Lock()

    async def __call__(self, drawing: Drawing) -> bytes:
        """The picture."""
        async with self._alone:
            return await asyncio.to_thread(_png_of, drawing.to_json())


@functools.cache
def _png_of(drawn: str) -> bytes:
    """Most tests draw what others did: a week in which nothing was spent."""
    return png_of(Drawing.from_json(drawn))
