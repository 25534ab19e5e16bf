"""Books that let no request out beyond what a batch may cost."""

import asyncio

from bot.batch.errors import MaxCostReached
from bot.claude.books import Books
from bot.vocabulary import BillableRequest, Closing, Usage


class CappedBooks(Books):
    """`books`, for a batch that has cost `spent_nanousd` so far and may cost `limit_nanousd` in all; None
    for as much as it takes."""

    def __init__(self, books: Books, *, limit_nanousd: int | None, spent_nanousd: int) -> None:
        self._books = books
        self._limit_nanousd = limit_nanousd
        self._held: dict[str, int] = {}
        self._opening_nanousd = 0
        self._settled = asyncio.Event()
        self.spent_nanousd = spent_nanousd
        self.settlements = 0
        """How many requests have ended."""

    @property
    def held_nanousd(self) -> int:
        """What requests under way may still cost."""
        return self._opening_nanousd + sum(self._held.values())

    def room_for(self, request: BillableRequest, *, beside_nanousd: int = 0) -> bool:
        """Whether its worst case fits, beside so much more. Raises `MaxCostReached` if nobody knows."""
        if self._limit_nanousd is None:
            return True
        if request.worst_case_nanousd is None:
            raise MaxCostReached(
                f"the price of {request.model} is not known, so a limit can't be kept; add it to your "
                "catalogue, or leave out --max-cost"
            )
        taken = self.spent_nanousd + self.held_nanousd + beside_nanousd
        return taken + request.worst_case_nanousd <= self._limit_nanousd

    async def open(self, request: BillableRequest) -> str:
        """Open an entry. Raises `MaxCostReached` beside what the books themselves raise."""
        if not self.room_for(request):
            raise MaxCostReached
        worst = request.worst_case_nanousd or 0
        self._opening_nanousd += worst
        try:
            entry_id = await self._books.open(request)
            self._held[entry_id] = worst
        finally:
            self._opening_nanousd -= worst
        return entry_id

    def progress(self, entry_id: str, usage: Usage, *, final: bool = False) -> None:
        """As the books do it."""
        self._books.progress(entry_id, usage, final=final)

    async def close(self, closing: Closing) -> None:
        """Close an entry; its cost takes the place of what was held."""
        if closing.entry_id in self._held:  # closing may be tried more than once
            self.settle(closing)
        await self._books.close(closing)

    def hold(self, entry_id: str, request: BillableRequest) -> None:
        """A request is under way whose entry is opened elsewhere."""
        self._held[entry_id] = request.worst_case_nanousd or 0

    def settle(self, closing: Closing) -> None:
        """Its cost takes the place of what was held, if anything was."""
        self._held.pop(closing.entry_id, None)
        self.spent_nanousd += closing.cost_nanousd or 0
        self.settlements += 1
        settled, self._settled = self._settled, asyncio.Event()
        settled.set()

    async def settled(self, timeout_s: float, *, since: int) -> bool:
        """Return when a request has ended since there were so many `settlements`; false if none is under
        way, or none ends in time."""
        if self.settlements != since:
            return True
        if not self._held and not self._opening_nanousd:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True
