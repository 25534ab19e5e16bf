"""What can go wrong with storage, in words that do not depend on the database."""

from datetime import datetime


class StorageError(Exception):
    """The database refused; see the message."""


class StorageUnavailable(StorageError):
    """The database can't be reached, is locked, full or overloaded. Nothing was lost; try again."""


class NoDatabase(StorageError):
    """The file holds something else than a database; no waiting makes it one."""


class NoSuchDatabase(StorageError):
    """There is no file where the database should be."""


class DuplicateMessage(StorageError):
    """The message is in the inbox already."""


class LeaseLost(StorageError):
    """Another replica holds the thread now; this one may write nothing about it."""


class Revised(StorageError):
    """The question changed, or a stop was asked for, since the turn looked at it last."""


class BudgetExceeded(StorageError):
    """A budget has no room for a request that may cost so much."""

    def __init__(
        self,
        budget: str,
        *,
        resets_at: datetime,
        limit_nanousd: int,
        wanted_nanousd: int,
        downgrade: bool = False,
        held: bool = False,
    ) -> None:
        until = f"is used up until {resets_at.isoformat()}"
        why = "has left only what is held for requests under way" if held else until
        super().__init__(f"the budget {budget} {why}")
        self.budget = budget
        self.resets_at = resets_at
        self.limit_nanousd = limit_nanousd
        self.wanted_nanousd = wanted_nanousd
        self.downgrade = downgrade
        """A cheaper request may be made in its place."""
        self.held = held
        """There may be room once others have settled."""


class Unpriced(StorageError):
    """A budget applies, and what the request can cost is not known."""


class SchemaBehind(StorageError):
    """The tables are older than this release needs."""


class SchemaTooNew(StorageError):
    """A newer release has upgraded the database; this one must not touch it."""
