"""Holding calls of the Web API until they are released."""

import asyncio
from enum import StrEnum

from sandbox.changes import Changes


class Stage(StrEnum):
    """Where a call is held."""

    BEFORE = "before"
    """Nothing has been done yet."""
    AFTER = "after"
    """It has been done, and the answer is held back."""


class Holds:
    """Which methods are held, and where; None stands for every method."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._stages: dict[str | None, Stage] = {}
        self._released = asyncio.Event()
        self.held = 0
        """How many calls are being held now."""

    def hold(self, method: str | None = None, stage: Stage = Stage.BEFORE) -> None:
        """Hold every call of a method that comes from now on."""
        self._stages[method] = stage

    def release(self) -> None:
        """Let everything go on, and hold nothing more."""
        self._stages.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def wait(self, method: str, stage: Stage) -> None:
        """Wait here if such a call is held at that stage."""
        if stage is not self._stages.get(method, self._stages.get(None)):
            return
        released = self._released
        self.held += 1
        self._changes.announce()
        try:
            await released.wait()
        finally:
            self.held -= 1
            self._changes.announce()
