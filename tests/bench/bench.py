"""What a benchmark is given: how much to do, a directory, and databases of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

from storage.migrations.ready import ready_sqlite
from tests.postgres import PostgresServer

T = TypeVar("T")

DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
}
"""PostgreSQL keeps its promises here as in earnest; the tests' server trades them for speed."""


class Bench:
    """One run. `quick` does a few of everything, to see that it works; its figures mean nothing.

    `server` is a PostgreSQL that runs already; without it, or if None, SQLite alone is measured.
    """

    def __init__(
        self, directory: Path, *, quick: bool = False, server: PostgresServer | None = None
    ) -> None:
        self.directory = directory
        self.quick = quick
        self._server = server
        self._names = count(1)

    @property
    def engines(self) -> Sequence[str]:
        """The databases that there are, by their names as people know them."""
        return ("SQLite",) if self._server is None else ("SQLite", "PostgreSQL")

    def of(self, full: T, quick: T) -> T:
        """How much of something to do."""
        return quick if self.quick else full

    @contextmanager
    def database(self, engine: str) -> Iterator[str]:
        """The address of a new database, with nothing in it."""
        if engine == "SQLite":
            yield ready_sqlite(self.directory / f"bench-{next(self._names)}.db")
            return
        assert self._server is not None, "PostgreSQL is among the engines only if it runs"
        name = self._server.create_database()
        try:
            yield self._server.url(name)
        finally:
            self._server.drop_database(name)
