"""What the ledger's writers tell whoever watches the budgets, within one process."""

import asyncio

MAX_REFUSED = 10_000


class BudgetNews:
    """A bell that rings when money was spent, and the budgets that had no room for a request."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        """Their keys."""
        self._rung = asyncio.Event()

    def spent(self) -> None:
        """An entry was closed."""
        self._rung.set()

    def refuse(self, key: str) -> None:
        """A budget had no room."""
        if len(self.refused) < MAX_REFUSED:
            self.refused.add(key)
        self._rung.set()

    async def wait(self) -> None:
        """Return once something has happened since the last time."""
        await self._rung.wait()
        self._rung.clear()
