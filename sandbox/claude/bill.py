"""What the provider would charge: one row per request that it bills."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import add

from bot.vocabulary import Usage


class BillStatus(StrEnum):
    """How a billed request ended."""

    COMPLETED = "completed"
    ABORTED = "aborted"
    """The answer did not get out whole; what had been sent is billed."""
    REFUSED = "refused"
    """The model declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """One billed request. `cost_nanousd` is for the tokens, `search_nanousd` for web searches."""

    request_id: str
    message_id: str
    model: str
    usage: Usage
    status: BillStatus
    stop_reason: str | None
    cost_nanousd: int
    search_nanousd: int
    at: datetime
    batch: bool = False
    """It was part of a message batch, and cost half."""


@dataclass(frozen=True, slots=True)
class Bill:
    """All rows so far, oldest first, and their sums."""

    rows: tuple[BillRow, ...]

    @property
    def total_nanousd(self) -> int:
        """Everything that is owed."""
        return sum(row.cost_nanousd + row.search_nanousd for row in self.rows)

    @property
    def usage(self) -> Usage:
        """All tokens."""
        return reduce(add, (row.usage for row in self.rows), Usage())

    def of(self, status: BillStatus) -> "Bill":
        """The rows with that status alone."""
        return Bill(tuple(row for row in self.rows if row.status is status))

    def find(self, request_id: str) -> BillRow | None:
        """The row of a request, by the id its response carried."""
        return next((row for row in self.rows if row.request_id == request_id), None)
