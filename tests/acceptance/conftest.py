"""What acceptance tests share: a database with its tables made."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bot.vocabulary import SystemClock
from storage.database import Database
from storage.migrations import upgrade


@pytest.fixture(scope="session")
def tables_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables, to be copied."""
    file = tmp_path_factory.mktemp("template") / "parley.db"

    async def make() -> None:
        database = Database(f"sqlite:///{file}", clock=SystemClock())
        await database.maintain(upgrade)
        await database.close()

    asyncio.run(make())
    return file


@pytest.fixture
def sqlite_url(tables_made: Path, tmp_path: Path) -> str:
    """The address of a SQLite database with empty tables."""
    file = tmp_path / "ready.db"
    shutil.copy(tables_made, file)
    return f"sqlite:///{file}"
