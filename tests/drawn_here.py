"""Pictures of digests, drawn by the process that runs the test: each takes a tenth of what it takes a
process of its own."""

import asyncio

from bot.reports.drawing import Drawing, png_of


class DrawnHere:
    """Draws one picture at a time, since matplotlib's settings are those of the whole process."""

    def __init__(self) -> None:
        self._alone = asyncio.Lock()

    async def __call__(self, drawing: Drawing) -> bytes:
        """The picture."""
        async with self._alone:
            return await asyncio.to_thread(png_of, drawing)
