"""The ledger as the Claude client sees it: nothing is sent before its entry is open."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from bot.claude.books import Books, NotNow
from bot.engine.progress import Progress
from bot.money.budget_rules import BudgetRules
from bot.money.news import BudgetNews
from bot.vocabulary import BillableRequest, Closing, Usage, new_id
from config.sections import LimitsSettings
from storage import ledger, rate_limits
from storage.admission import Slot, admit
from storage.database import Database
from storage.errors import BudgetExceeded, StorageUnavailable

LONG_WINDOW_S = 30.0
"""In a window of this length there is time to write beside the request when it left."""

NOTICEABLE = timedelta(seconds=rate_limits.MARGIN_S / 2)
"""Half of what the rate limit allows between its grant and the request on the wire."""


class ChannelLimited(NotNow):
    """The channel's rate limit has no room; the turn has a place at `until`, or was turned away."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no room in the channel's rate limit until {until.isoformat()}")
        self.until = until


class LedgerBooks(Books):
    """Entries in the database, held against the budgets that apply."""

    def __init__(
        self, *, database: Database, rules: BudgetRules, news: BudgetNews | None = None
    ) -> None:
        self._database = database
        self._rules = rules
        self._news = news or BudgetNews()
        self._progress = Progress()
        self._granted: dict[str, tuple[str, datetime]] = {}
        """By entry: a turn whose first request nobody has begun to answer, and from when its place in the
        rate limit counts."""
        self._left: dict[str, datetime] = {}
        """By turn: from when its place counts instead, where that is still to be written down."""

    async def open(self, request: BillableRequest) -> str:
        """Open an entry. Raises `storage.errors.BudgetExceeded`, `Unpriced` and `StorageUnavailable`."""
        now = self._database.now()
        entry_id = new_id(now)
        claims = self._rules.claims(request.attribution, now)
        with self._refusals():
            await self._database.write(ledger.open_entry, entry_id, request, claims=claims, now=now)
        self._progress.begin(entry_id, most=request.max_output_tokens, at=now)
        return entry_id

    def progress(self, entry_id: str, usage: Usage, *, final: bool = False) -> None:
        """Remember what is known; `save_progress` writes it down. A request that is being answered has
        arrived: where that took a while, its turn's place in the rate limit counts from now, as only
        that keeps to the limit by the provider's clock too."""
        now = self._database.now()
        self._progress.tell(entry_id, usage, now, final=final)
        turn_id, granted_at = self._granted.pop(entry_id, ("", None))
        if granted_at and now - granted_at > NOTICEABLE:
            self._left[turn_id] = now

    async def close(self, closing: Closing) -> None:
        """Close an entry and settle its budgets."""
        now = self._database.now()
        self._progress.tell(closing.entry_id, closing.usage, now, final=True)  # should this fail
        await self._database.write(ledger.close, closing, now=now)
        self.forget(closing.entry_id)

    async def open_all(self, requests: Sequence[tuple[str, BillableRequest]]) -> None:
        """Open entries under these ids, for requests that are made together and for the same: all or
        none. Doing it twice changes nothing. Raises as `open` does."""
        now = self._database.now()
        claims = self._rules.claims(requests[0][1].attribution, now)
        await self._database.write(ledger.open_all, requests, claims=claims, now=now)

    async def close_all(self, closings: Sequence[Closing]) -> None:
        """Close entries and settle their budgets."""
        await self._database.write(ledger.close_all, closings, now=self._database.now())

    async def save_progress(self) -> None:
        """Write down what is known of what is under way, for the case that nobody lives to close it."""
        due = self.due()
        if due:
            await self._database.write(ledger.progress, due)
            self.saved(due)

    def forget(self, entry_id: str) -> None:
        """The entry was closed elsewhere: in the transaction that commits a turn."""
        self._progress.forget(entry_id)
        self._granted.pop(entry_id, None)
        self._news.spent()

    def due(self) -> list[tuple[str, Usage]]:
        """What is to be written down now about open entries; call `saved` when it is."""
        return self._progress.due(self._database.now())

    def saved(self, entries: Iterable[tuple[str, Usage]]) -> None:
        """It was written down."""
        self._progress.written(entries)

    async def save_starts(self) -> None:
        """Write down when requests left that were held up; every heartbeat calls this, and whoever
        asks for a place in a rate limit has it written first."""
        left = dict(self._left)
        if left:
            await self._database.write(rate_limits.left_at, left.items())
            self._starts_saved(left)

    def for_turn(self, turn_id: str, *, channel_key: str, limits: LimitsSettings) -> "TurnBooks":
        """The same books, for the requests of one turn."""
        return TurnBooks(self, turn_id=turn_id, channel_key=channel_key, limits=limits)

    async def admit(self, request: BillableRequest, slot: Slot) -> str:
        """Take the turn's place in its channel's rate limit and open an entry, both or neither."""
        now = self._database.now()
        entry_id = new_id(now)
        claims = self._rules.claims(request.attribution, now)
        left = dict(self._left)
        with self._refusals():
            until = await self._database.write(
                admit, entry_id, request, slot=slot, left=left.items(), claims=claims, now=now
            )
        self._starts_saved(left)
        if until is not None:
            raise ChannelLimited(until)
        self._granted[entry_id] = (slot.turn_id, await self._count_from_leaving(slot, now))
        self._progress.begin(entry_id, most=request.max_output_tokens, at=now)
        return entry_id

    def _starts_saved(self, left: dict[str, datetime]) -> None:
        self._left = dict(self._left.items() - left.items())

    def refused(self, budget_key: str) -> None:
        """A budget had no room, and nobody was answered for it."""
        self._news.refuse(budget_key)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Let whoever watches the budgets know of one that has no room."""
        try:
            yield
        except BudgetExceeded as error:
            if not (error.downgrade or error.held):  # else there may yet be room
                self.refused(error.budget)
            raise

    async def _count_from_leaving(self, slot: Slot, granted_at: datetime) -> datetime:
        """Where the database kept the turn waiting, its place in the rate limit counts from now: else
        its request would stand too close to those of the next window. That has to be known before the
        window is over, so only in a short one does the request wait for it. From when it counts."""
        while (now := self._database.now()) - granted_at > NOTICEABLE:
            self._left[slot.turn_id] = granted_at = now
            if slot.per_s >= LONG_WINDOW_S:
                break
            try:
                await self.save_starts()
            except StorageUnavailable:
                break  # the entry is open: the request may go, and the next heartbeat saves this
        return granted_at


class TurnBooks(Books):
    """The books of one turn: its first request takes the turn's place in the rate limit."""

    def __init__(
        self, books: LedgerBooks, *, turn_id: str, channel_key: str, limits: LimitsSettings
    ) -> None:
        self.used = Usage()
        """By all requests of the turn so far, in this process."""
        self.cost_nanousd: int | None = 0
        """Of the same; None where a price is not known."""
        self._books = books
        self._started = False
        self._slot = Slot(
            turn_id=turn_id,
            channel_key=channel_key,
            messages=limits.channel_messages,
            per_s=limits.channel_per_s,
            keep=limits.on_limit == "queue",
        )

    async def open(self, request: BillableRequest) -> str:
        """Open an entry; the first one also needs room in the channel's rate limit.

        Raises `ChannelLimited` beside what `LedgerBooks.open` raises.
        """
        if self._started:
            return await self._books.open(_of(request, self._slot.turn_id))
        entry_id = await self._books.admit(_of(request, self._slot.turn_id), self._slot)
        self._started = True
        return entry_id

    def progress(self, entry_id: str, usage: Usage, *, final: bool = False) -> None:
        """As `LedgerBooks.progress`."""
        self._books.progress(entry_id, usage, final=final)

    async def close(self, closing: Closing) -> None:
        """As `LedgerBooks.close`."""
        self.count(closing)
        await self._books.close(closing)

    def count(self, closing: Closing) -> None:
        """Add an entry to what the turn used; of those that are closed elsewhere, too."""
        self.used += closing.usage
        if self.cost_nanousd is None or closing.cost_nanousd is None:
            self.cost_nanousd = None
        else:
            self.cost_nanousd += closing.cost_nanousd


def _of(request: BillableRequest, turn_id: str) -> BillableRequest:
    return replace(request, attribution=replace(request.attribution, turn_id=turn_id))
