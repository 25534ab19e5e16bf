"""What acceptance tests share: one browser a process, since it takes longest to start."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser. Each test opens windows of its own in it, which share nothing."""
    async with browser() as running:
        yield running
