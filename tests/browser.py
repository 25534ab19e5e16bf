"""A real browser for tests: Chromium as the system has it, cut off from everything but loopback."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

NEEDLESS = (
    # For each new window Chromium would start two more processes for an address bar that nobody sees, and
    # one for the site one might go to next: nearly half of all the time it took.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "SpareRendererForSitePerProcess",
    # These playwright asks for itself, but only the last such list is heeded.
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(NEEDLESS)}",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
PATIENCE_MS = 30_000
"""How long a page may take to show what is waited for: far longer than it does, as machines are busy."""

Theme = Literal["light", "dark"]

PHONE = (390, 844)
DESK = (1280, 900)


def chromium_path() -> str:
    """The browser's path; a test that needs one is skipped, with how to get it, where there is none."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium, or set CHROMIUM to one")
    return found


@dataclass
class Window:
    """A page in a window, and what went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors of scripts and refusals of the content policy; a test ends with none."""

    def hear(self) -> None:
        """Listen to what the page complains about."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    async def fits(self) -> bool:
        """Nothing sticks out to the right of the window."""
        width: bool = await self.page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        return width


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window, with an empty profile."""
    path = chromium_path()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def window(
    of: Browser, url: str, *, size: tuple[int, int] = DESK, theme: Theme = "light"
) -> AsyncIterator[Window]:
    """A page open at `url`. At its end it must have complained about nothing."""
    width, height = size
    context = await of.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    opened = Window(await context.new_page())
    opened.hear()
    try:
        await opened.page.goto(url)
        yield opened
        assert opened.complaints == [], opened.complaints
    finally:
        await context.close()
