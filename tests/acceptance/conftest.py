"""What acceptance tests share: a browser, and a database with its tables made."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from bot.vocabulary import SystemClock
from storage.database import Database
from storage.migrations import upgrade
from tests.browser import browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser, one a process, since it takes longest to start. Each test opens windows of its own
    in it, which share nothing."""
    async with browser() as running:
        yield running


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
