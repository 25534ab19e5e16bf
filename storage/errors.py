"""What can go wrong with storage, in words that do not depend on the database."""

from datetime import datetime


class StorageError(Exception):
    """The database refused; see the message."""


class StorageUnavailable(StorageError):
    """The database can't be reached, is locked, full or overloaded. Nothing was lost; try again."""


class NoDatabase(StorageError):
    """The file holds something else than a database; no waiting makes it one."""


class DuplicateMessage(StorageError):
    """The message is in the inbox already."""


class LeaseLost(StorageError):
    """Another replica holds the thread now; this one may write nothing about it."""


class Revised(StorageError):
    """The question changed, or a stop was asked for, since the turn looked at it last."""


class BudgetExceeded(StorageError):
    """A budget has no room for the request."""

    def __init__(self, budget: str, *, resets_at: datetime, downgrade: bool = False) -> None:
        super().__init__(f"the budget {budget} is used up until {resets_at.isoformat()}")
        self.budget = budget
        self.resets_at = resets_at
        self.downgrade = downgrade
        """A cheaper request may be made in its place."""


class Unpriced(StorageError):
    """A budget applies, and what the request can cost is not known."""


class SchemaBehind(StorageError):
    """The tables are older than this release needs."""


class SchemaTooNew(StorageError):
    """A newer release has upgraded the database; this one must not touch it."""
