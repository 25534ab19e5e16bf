"""Books kept in memory: for tests, and for scripts that want a sum at the end."""

from dataclasses import dataclass, field

from bot.claude.books import Books
from bot.vocabulary import BillableRequest, Closing, EntryStatus, Usage


@dataclass(slots=True)
class MemoryEntry:
    """An entry as it stands."""

    request: BillableRequest
    status: EntryStatus = EntryStatus.OPEN
    usage: Usage = field(default_factory=Usage)
    cost_nanousd: int | None = None
    request_id: str | None = None


class InMemoryBooks(Books):
    """A ledger that lasts as long as the object. `refusal` is raised instead of opening an entry."""

    def __init__(self, *, refusal: Exception | None = None) -> None:
        self.entries: dict[str, MemoryEntry] = {}
        self.refusal = refusal

    async def open(self, request: BillableRequest) -> str:
        """Open an entry. Raises `refusal`, if there is one."""
        if self.refusal is not None:
            raise self.refusal
        entry_id = f"entry-{len(self.entries) + 1}"
        self.entries[entry_id] = MemoryEntry(request)
        return entry_id

    def progress(self, entry_id: str, usage: Usage, *, final: bool = False) -> None:
        """Remember what is known; a closed entry stays as it is."""
        entry = self.entries[entry_id]
        if entry.status is EntryStatus.OPEN:
            entry.usage = usage

    async def close(self, closing: Closing) -> None:
        """Close the entry; closing twice changes nothing."""
        entry = self.entries[closing.entry_id]
        if entry.status is not EntryStatus.OPEN:
            return
        entry.usage, entry.status = closing.usage, closing.status
        entry.cost_nanousd, entry.request_id = closing.cost_nanousd, closing.request_id

    @property
    def cost_nanousd(self) -> int:
        """The sum of all known costs."""
        return sum(entry.cost_nanousd or 0 for entry in self.entries.values())

    @property
    def statuses(self) -> list[EntryStatus]:
        """How every entry stands, in the order of opening."""
        return [entry.status for entry in self.entries.values()]
