"""`make pictures`: start the sandbox, talk in it, and write what it looks like to docs/pictures/."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
from playwright.async_api import Browser, Page, expect

from tests.browser import PHONE, Theme, browser, window
from tests.integration.parley_process import parley

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
WIDE: Final = (1440, 860)
DESK: Final = (1280, 860)
THEMES: Final[Sequence[Theme]] = ("light", "dark")
SMALL_TALK: Final = (
    "Show me a table of what is simulated.",
    "Write me some code.",
    "What did I say before?",
)


async def main() -> None:
    """Take all of them."""
    PICTURES.mkdir(exist_ok=True)
    async with browser() as chromium, sandbox() as url:
        await talk(chromium, url)
        for theme in THEMES:
            await of_sandbox(chromium, url, theme)
            await of_dashboard(chromium, await dashboard_of(url), theme)


@asynccontextmanager
async def sandbox() -> AsyncIterator[str]:
    """A sandbox with its page."""
    with tempfile.TemporaryDirectory() as directory:
        async with parley("sandbox", "--page", "--port", "0", directory=Path(directory)) as process:
            yield (await process.tells("In your browser")).split()[-1]
            process.terminate()
            await process.ended()


async def dashboard_of(url: str) -> str:
    """Where the bot's dashboard is."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/bot") as answer:
        (replica,) = (await answer.json())["replicas"]
    return f"{replica['url']}/dashboard/"


async def ready(page: Page) -> None:
    """Put the tour away, and wait for the bot."""
    await page.get_by_role("button", name="Not now").click()
    await expect(page.get_by_text("Bot running", exact=True)).to_be_visible(timeout=60_000)


async def talk(chromium: Browser, url: str) -> None:
    """Something to be seen, and something that was paid for."""
    async with window(chromium, url) as opened:
        page = opened.page
        await ready(page)
        for pane in ("Slack", "Discord"):
            region = page.get_by_role("region", name=pane, exact=True)
            await region.get_by_role("navigation").get_by_role("button", name="Parley").click()
            for number, text in enumerate(SMALL_TALK, 1):
                await region.get_by_role("combobox", name="Message").fill(text)
                await region.get_by_role("combobox", name="Message").press("Enter")
                await expect(region.locator(".by-bot")).to_have_count(number, timeout=60_000)
                await expect(region.locator(".streaming")).to_have_count(0, timeout=60_000)


async def of_sandbox(chromium: Browser, url: str, theme: Theme) -> None:
    """The page while an answer streams, and on a phone."""
    async with window(chromium, url, size=WIDE, theme=theme) as opened:
        page = opened.page
        await ready(page)
        slack = page.get_by_role("region", name="Slack", exact=True)
        discord = page.get_by_role("region", name="Discord", exact=True)
        await discord.get_by_role("navigation").get_by_role("button", name="Parley").click()
        await slack.get_by_role("combobox", name="Message").fill("What is a lease, in a table?")
        await slack.get_by_role("combobox", name="Message").press("Enter")
        await slack.get_by_role("button", name="1 reply").last.click()
        await expect(slack.get_by_role("button", name="Good answer")).to_be_visible(timeout=60_000)
        await expect(page.locator(".stages .done")).to_have_count(5, timeout=60_000)
        await page.screenshot(path=PICTURES / f"sandbox-{theme}.png")
    async with window(chromium, url, size=PHONE, theme=theme) as opened:
        await ready(opened.page)
        await opened.page.screenshot(path=PICTURES / f"phone-{theme}.png")


async def of_dashboard(chromium: Browser, url: str, theme: Theme) -> None:
    """Its overview and its costs."""
    for name, fragment in (("dashboard", "overview"), ("costs", "costs")):
        async with window(chromium, f"{url}#{fragment}", size=DESK, theme=theme) as opened:
            await expect(opened.page.get_by_role("heading", level=1)).to_be_visible()
            await expect(opened.page.get_by_text("Reading the ledger")).to_have_count(0)
            await opened.page.screenshot(path=PICTURES / f"{name}-{theme}.png")


if __name__ == "__main__":
    asyncio.run(main())
