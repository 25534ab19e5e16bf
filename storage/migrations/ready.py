"""A SQLite file with empty tables: they are made once in a process, and copied from then on.

It is for tests, which need many: making the tables takes as long as all else that a bot's start does.
"""

import asyncio
import functools
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.vocabulary import SystemClock
from storage.database import Database
from storage.migrations import upgrade


def ready_sqlite(file: Path) -> str:
    """Make such a file; its address."""
    file.write_bytes(_empty_tables())
    return f"sqlite:///{file}"


async def make_tables(url: str) -> None:
    """Make the tables, as a start of the service does."""
    database = Database(url, clock=SystemClock())
    await database.maintain(upgrade)
    await database.close()


@functools.cache
def _empty_tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as elsewhere:
        file = Path(folder) / "parley.db"
        # Elsewhere, since an event loop may run here.
        elsewhere.submit(asyncio.run, make_tables(f"sqlite:///{file}")).result()
        return file.read_bytes()
