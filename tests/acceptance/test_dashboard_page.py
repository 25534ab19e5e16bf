"""The dashboard in a real browser, as an operator uses it."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from sandbox.claude import Fault
from storage.migrations.ready import ready_sqlite
from tests.browser import DESK, PATIENCE_MS, PHONE, Theme, window
from tests.engine_rig import Rig
from tests.integration.test_dashboard_access import QUICK, TOKEN, dashboard

LOOKS: tuple[tuple[tuple[int, int], Theme], ...] = (
    (DESK, "light"),
    (DESK, "dark"),
    (PHONE, "light"),
    (PHONE, "dark"),
)
VIEWS = ("Overview", "Costs", "Schedule", "Plugins", "Settings")

pytestmark = pytest.mark.asyncio(loop_scope="session")

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database of the test's own."""
    return ready_sqlite(tmp_path / "parley.db")


async def fail(rig: Rig) -> None:
    """A turn that is parked, after which Claude has recovered."""
    rig.claude.fail_next(Fault.of_status(500), times=None)
    await rig.end_of(rig.say("Why?"))
    rig.claude.reset()
    rig.claude.script.always("After all.")


async def test_a_parked_turn_is_seen_and_tried_again(
    chromium: Browser, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kind and reference are there; after a press of the button the person has their answer, and
    the page shows so by itself."""
    monkeypatch.setattr("bot.web.spending.FRESH_S", 0.5)
    async with dashboard(url, config=QUICK) as (rig, operator):
        await fail(rig)
        async with window(chromium, f"{operator.url}/") as opened:
            page = opened.page
            parked = page.get_by_role("region", name="Parked turns")
            await expect(parked.get_by_role("row")).to_have_count(2)
            await expect(page.locator(".tile.alarm .figure")).to_have_text("1")
            await page.get_by_role("button", name=re.compile("Try turn .* again")).click()
            await rig.shows("After all.")
            await expect(page.get_by_text("Turns that failed are kept here")).to_be_visible()
            await expect(page.locator(".tile", has_text="Cost today")).to_contain_text("1 answers")


async def test_what_it_cost_is_drawn_and_told(chromium: Browser, url: str) -> None:
    """The chart has a column a day that a keyboard reaches and a screen reader reads, the same is there as
    a table, and the figures are the ledger's."""
    async with dashboard(url) as (rig, operator):
        await rig.ask("What does it cost?")
        (row,) = await rig.ledger()
        async with window(chromium, f"{operator.url}/#costs") as opened:
            page = opened.page
            await expect(page.get_by_text("Reading the ledger")).to_have_count(0)
            columns = page.get_by_role("list", name="Cost by day and model").get_by_role("listitem")
            await expect(columns).to_have_count(31)
            said = await columns.last.get_attribute("aria-label")
            assert said is not None
            assert "$0.00" in said
            await page.get_by_text("As a table").click()
            table = page.get_by_role("region", name="Cost by day")
            await expect(table.get_by_role("row").nth(1)).to_contain_text("$")
            by_model = page.get_by_role("region", name="By model")
            await expect(by_model).to_contain_text(row.model)
            await page.get_by_role("button", name="Today").click()
            await expect(page.get_by_role("button", name="Today")).to_have_attribute(
                "aria-pressed", "true"
            )


async def test_signing_in(chromium: Browser, url: str) -> None:
    """A wrong token is told; the right one opens the pages."""
    async with (
        dashboard(url, token=TOKEN) as (_, operator),
        window(chromium, f"{operator.url}/") as opened,
    ):
        page = opened.page
        await page.get_by_label("Operators' token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("That is not the token.")).to_be_visible()
        await page.get_by_label("Operators' token").fill(TOKEN)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def test_every_view_fits(chromium: Browser, url: str) -> None:
    """On a desk and on a phone, in light and dark: nothing sticks out, every view has its heading."""
    async with dashboard(url, config=QUICK) as (rig, operator):
        await fail(rig)
        for size, theme in LOOKS:
            async with window(chromium, f"{operator.url}/", size=size, theme=theme) as opened:
                page = opened.page
                await expect(page.locator("html")).to_have_attribute("data-theme", theme)
                for view in VIEWS:
                    await page.get_by_role("link", name=view).click()
                    await expect(page.get_by_role("heading", level=1, name=view)).to_be_visible()
                    assert await opened.fits(), (view, size)


async def test_by_keyboard(chromium: Browser, url: str) -> None:
    """The first key leads past the navigation; views and the theme are reached and changed by keys."""
    async with dashboard(url) as (_, operator), window(chromium, f"{operator.url}/") as opened:
        page = opened.page
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Costs")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Costs")).to_be_visible()
        await page.get_by_role("button", name="Use dark colours").press("Enter")
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_a_service_that_went_away_is_told(chromium: Browser, url: str) -> None:
    """The page says that it is not connected and goes on trying; what it showed stays."""
    async with dashboard(url) as (rig, operator), window(chromium, f"{operator.url}/") as opened:
        page = opened.page
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await rig.stop_service()
        await expect(page.get_by_role("alert")).to_contain_text("does not answer")
        await expect(page.get_by_text("not connected")).to_be_visible()
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def test_settings_are_found_by_their_names(chromium: Browser, url: str) -> None:
    """Typing narrows the list; a secret is never among the values."""
    async with (
        dashboard(url) as (_, operator),
        window(chromium, f"{operator.url}/#settings") as opened,
    ):
        page = opened.page
        await page.get_by_label("Find a setting").fill("no such setting")
        table = page.get_by_role("region", name="Settings")
        await expect(page.get_by_text("No setting is called so.")).to_be_visible()
        await page.get_by_label("Find a setting").fill("ANTHROPIC")
        await expect(table).to_contain_text("set (hidden)")
        await expect(table).not_to_contain_text("sk-ant")
