"""What the ledger's writers tell whoever watches the budgets, within one process."""

import asyncio

MAX_REFUSED = 10_000


class BudgetNews:
    """A bell that rings when money was spent, and the budgets that had no room for a request."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        """Their keys."""
        self.moved = asyncio.Event()
        """Set when there may next be room in a budget; then another takes its place."""
        self._rung = asyncio.Event()

    def spent(self) -> None:
        """An entry was closed."""
        self._rung.set()
        self.move()

    def move(self) -> None:
        """There may be room for whoever waits for it."""
        self.moved.set()
        self.moved = asyncio.Event()

    def refuse(self, key: str) -> None:
        """A budget had no room."""
        if len(self.refused) < MAX_REFUSED:
            self.refused.add(key)
        self._rung.set()

    async def wait(self) -> None:
        """Return once something has happened since the last time."""
        await self._rung.wait()
        self._rung.clear()
