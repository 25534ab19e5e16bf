"""The sandbox's page in a real browser: speak, stream, break, recover, and let Monday come."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from sandbox.claude import Pace, RemoteClaude
from tests.browser import PATIENCE_MS, PHONE, Theme, Window, chromium_path, window
from tests.integration.parley_process import ParleyProcess, parley
from tests.support import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAST_WORDS = "however often it is interrupted."
BRISK = Pace(first_token_s=0.1, tokens_per_s=300.0, tokens_per_chunk=3)
"""For tests that read no text while it is being written."""

A_FIRM_PRESS_MS = 700

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox, and where its page is."""

    process: ParleyProcess
    url: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """One sandbox for all tests here: they talk in different places of it, the last one moves its clock."""
    chromium_path()  # or skip before anything is started
    directory = tmp_path_factory.mktemp("sandbox")
    async with parley("sandbox", "--page", "--port", "0", directory=directory) as process:
        line = await process.tells("In your browser")
        yield Sandbox(process, line.split()[-1])
        process.terminate()
        assert await process.ended() == 0


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser, sandbox: Sandbox) -> AsyncIterator[Page]:
    """The page in a fresh window, its tour put away."""
    async with window(chromium, sandbox.url) as opened:
        await ready(opened)
        yield opened.page


@pytest_asyncio.fixture(loop_scope="session")
async def claude(sandbox: Sandbox) -> AsyncIterator[RemoteClaude]:
    """The sandbox's Claude, which goes back to its pleasant pace afterwards."""
    async with RemoteClaude(f"{sandbox.url}/via/claude") as remote:
        yield remote
        await remote.set_pace(Pace.pleasant())


@pytest_asyncio.fixture(loop_scope="session")
async def _brisk(claude: RemoteClaude) -> None:
    await claude.set_pace(BRISK)


brisk = pytest.mark.usefixtures("_brisk")


async def ready(opened: Window) -> None:
    """Wait until somebody can say something."""
    await opened.page.get_by_role("button", name="Not now").click()
    await expect(opened.page.get_by_text("Bot running", exact=True)).to_be_visible()


def slack(page: Page) -> Locator:
    """The pane on the left."""
    return page.get_by_role("region", name="Slack", exact=True)


def discord(page: Page) -> Locator:
    """The pane beside it."""
    return page.get_by_role("region", name="Discord", exact=True)


async def say(pane: Locator, text: str) -> None:
    """Type something, and Enter."""
    await pane.get_by_role("combobox", name="Message").fill(text)
    await pane.get_by_role("combobox", name="Message").press("Enter")


async def go(pane: Locator, place: str, *, speaking_as: str | None = None) -> None:
    """Open a channel, as somebody."""
    if speaking_as is not None:
        await pane.get_by_role("combobox", name="Speak on").select_option(label=speaking_as)
    await pane.get_by_role("navigation").get_by_role("button", name=place).click()


def answers(pane: Locator) -> Locator:
    """The bot's messages in the conversation that is open."""
    return pane.locator(".message.by-bot")


async def test_an_answer_streams_in_slack_and_is_followed(page: Page) -> None:
    """A mention is answered in its thread: it grows, then it is whole, with buttons to rate it; beside it
    stand the stages, the tokens and the cost."""
    pane = slack(page)
    await say(pane, "What is a lease, in a table?")
    await pane.get_by_role("button", name="1 reply").click()
    await expect(pane.locator(".message.streaming")).to_have_count(1)
    await expect(pane.get_by_role("table")).to_be_visible()
    await expect(pane.get_by_role("button", name="Good answer")).to_be_visible()
    await expect(answers(pane)).to_have_count(1)
    scenes = page.get_by_role("complementary", name="Behind the scenes")
    await expect(scenes.locator(".stages .done")).to_have_count(5)
    await expect(scenes.get_by_text("answered", exact=True)).to_be_visible()
    await expect(scenes.locator(".sum")).to_contain_text("It cost $0.0")


@brisk
async def test_discord_is_talked_to_as_somebody_else(page: Page) -> None:
    """Direct messages of one person with the bot, by Grace; typing shows, the answer is one message."""
    pane = discord(page)
    await go(pane, "Parley", speaking_as="Grace (admin)")
    await say(pane, "Hello! What can you do?")
    await expect(answers(pane).get_by_text("simulated Claude")).to_be_visible()
    await expect(pane.locator(".message.streaming")).to_have_count(0)
    await expect(answers(pane)).to_have_count(1)
    await expect(pane.locator(".message .by b").first).to_have_text("Grace")


async def test_commands_are_completed_and_answered_in_private(page: Page) -> None:
    """A slash lists the commands, keys choose one, and the answer is for the person alone."""
    pane = slack(page)
    await go(pane, "random", speaking_as="Linus")
    field = pane.get_by_role("combobox", name="Message")
    await expect(page.locator("body[data-commands]")).to_be_visible()
    await field.fill("/he")
    await expect(pane.get_by_role("listbox", name="Commands")).to_contain_text("/help")
    await field.press("Tab")
    await expect(field).to_have_value("/help ")
    await field.press("Enter")
    await expect(pane.locator(".only-you")).to_contain_text("/remind")


async def test_messages_are_edited_and_deleted(page: Page) -> None:
    """By whoever said them, with what hangs on a message."""
    pane = slack(page)
    await go(pane, "lounge", speaking_as="Grace")
    await say(pane, "Nobody answers here.")
    message = pane.locator(".message", has_text="Nobody answers here.")
    await message.hover()
    await message.get_by_role("button", name="Edit").click()
    await say(pane, "Nobody will answer here.")
    edited = pane.locator(".message", has_text="Nobody will answer here.")
    await expect(edited).to_contain_text("(edited)")
    await edited.hover()
    await edited.get_by_role("button", name="Delete").click()
    await expect(edited).to_have_count(0)


@brisk
@pytest.mark.parametrize(("of", "person"), [(slack, "Ada (admin)"), (discord, "Ada")])
async def test_a_file_goes_along(page: Page, of: Callable[[Page], Locator], person: str) -> None:
    """It stands below the words, and the bot answers."""
    pane = of(page)
    await go(pane, "Parley", speaking_as=person)
    before = await answers(pane).count()
    notes = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"The sky is green.")
    await pane.get_by_label("Attach a file").set_input_files(notes)
    await say(pane, "What colour is it?")
    await expect(pane.locator(".message").get_by_text("notes.txt").last).to_be_visible()
    await expect(answers(pane)).to_have_count(before + 1)
    await expect(pane.locator(".message.streaming")).to_have_count(0)


@pytest.mark.parametrize(("of", "person"), [(slack, "Ada (admin)"), (discord, "Ada")])
async def test_an_answer_is_stopped(page: Page, of: Callable[[Page], Locator], person: str) -> None:
    """By the button that is there while it is written; what stands there stays."""
    pane = of(page)
    await go(pane, "Parley", speaking_as=person)
    await say(pane, "Tell me of the lighthouse keeper.")
    await pane.get_by_role("button", name="Stop").last.click()
    await expect(pane.get_by_role("button", name="Stop")).to_have_count(0)
    await expect(pane.locator(".message.streaming")).to_have_count(0)
    await expect(answers(pane).last).not_to_contain_text(LAST_WORDS)


@pytest.mark.parametrize(("of", "person"), [(slack, "Ada (admin)"), (discord, "Ada")])
async def test_a_slow_press_is_a_click(
    page: Page, of: Callable[[Page], Locator], person: str
) -> None:
    """What is written meanwhile does not take the button away from under the finger."""
    pane = of(page)
    await go(pane, "Parley", speaking_as=person)
    await say(pane, "Tell me of the lighthouse keeper.")
    await pane.get_by_role("button", name="Stop").last.click(delay=A_FIRM_PRESS_MS)
    await expect(pane.get_by_role("button", name="Stop")).to_have_count(0)
    await expect(pane.locator(".message.streaming")).to_have_count(0)
    await expect(answers(pane).last).not_to_contain_text(LAST_WORDS)


@brisk
async def test_unread_messages_are_marked(page: Page) -> None:
    """What came where one does not look is counted, until one looks."""
    pane = discord(page)
    await go(pane, "random", speaking_as="Alan")
    before = await answers(pane).count()
    await say(pane, "Hello?")
    await expect(answers(pane)).to_have_count(before + 1)  # or it comes when one has looked
    await expect(pane.locator(".message.streaming")).to_have_count(0)
    await go(pane, "general", speaking_as="Ada")
    await expect(pane.get_by_role("button", name="random").locator(".unread")).to_be_visible()
    await go(pane, "random")
    await go(pane, "general")
    await expect(pane.get_by_role("button", name="random").locator(".unread")).to_have_count(0)


@brisk
@pytest.mark.parametrize("switch", ["Claude overloaded", "Cut the stream", "Slack rate limit"])
async def test_what_is_broken_is_mended(page: Page, switch: str) -> None:
    """Each of these comes between a question and its answer, and there is one whole answer all the same."""
    pane = slack(page)
    await go(pane, "random", speaking_as="Ada (admin)")
    await page.get_by_role("button", name=switch).click()
    await expect(page.get_by_role("complementary").locator(".latest")).to_be_visible()
    await say(pane, f"After {switch}: tell me the story of the lighthouse keeper.")
    asked = pane.locator(".message", has_text=f"After {switch}")
    await asked.get_by_role("button", name="1 reply").click()
    await expect(answers(pane)).to_contain_text(LAST_WORDS)
    await expect(answers(pane)).to_have_count(1)


@brisk
async def test_a_gateway_that_drops(page: Page) -> None:
    """The bot resumes its session, and answers what was said meanwhile."""
    pane = discord(page)
    await go(pane, "Parley", speaking_as="Edsger")
    await page.get_by_role("button", name="Drop the gateway").click()
    await say(pane, "Are you there?")
    await expect(answers(pane)).to_have_count(1)


async def test_killed_in_mid_reply(page: Page, claude: RemoteClaude) -> None:
    """The process is killed while it writes and another goes on: in the same message, to its end, once."""
    pane = slack(page)
    await go(pane, "lab", speaking_as="Marie Curie")
    latest = page.get_by_role("complementary").locator(".latest")
    await page.get_by_role("button", name="Kill in mid-reply").click()
    await expect(latest).to_contain_text("Killed")
    await claude.set_pace(BRISK)
    await expect(latest).to_contain_text("Started again")
    await expect(answers(pane)).to_contain_text(LAST_WORDS)
    await expect(answers(pane)).to_have_count(1)
    requests = page.get_by_role("complementary").locator(".request")
    await expect(requests).to_have_count(2)


@brisk
async def test_two_replicas_and_then_one(page: Page) -> None:
    """One of two is killed, and the other answers."""
    await page.get_by_role("button", name="Two replicas").click()
    await expect(page.get_by_text("2 replicas running")).to_be_visible()
    await page.get_by_role("button", name="Kill one").click()
    await expect(page.get_by_text("Bot running", exact=True)).to_be_visible()
    pane = slack(page)
    await go(pane, "Parley", speaking_as="Linus")
    await say(pane, "Who answers?")
    await expect(answers(pane)).to_have_count(1)
    await expect(pane.locator(".message.streaming")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_on_a_phone(chromium: Browser, sandbox: Sandbox, theme: Theme) -> None:
    """One pane at a time, and each fits."""
    async with window(chromium, sandbox.url, size=PHONE, theme=theme) as opened:
        await ready(opened)
        for name, inside in (
            ("Discord", "Discord"),
            ("Behind", "Behind the scenes"),
            ("Break", "Break something"),
            ("Slack", "Slack"),
        ):
            switcher = opened.page.get_by_role("navigation", name="Panes")
            await switcher.get_by_role("button", name=name).click()
            await expect(opened.page.get_by_label(inside, exact=True)).to_be_visible()
            assert await opened.fits(), name


@brisk
async def test_by_keyboard_alone(chromium: Browser, sandbox: Sandbox) -> None:
    """The first key leads to where one can say something; what was answered is read out."""
    async with window(chromium, sandbox.url) as opened:
        await ready(opened)
        await opened.page.reload()
        await expect(opened.page.get_by_text("Bot running", exact=True)).to_be_visible()
        keys = opened.page.keyboard
        await opened.page.locator("body").press("Tab")
        await expect(
            opened.page.get_by_role("link", name="Skip to saying something")
        ).to_be_focused()
        await keys.press("Enter")
        await expect(opened.page.locator("#slack-say")).to_be_focused()
        await keys.type("Say it by keyboard.")
        await keys.press("Enter")
        await opened.page.get_by_role("button", name="1 reply").last.focus()
        await keys.press("Enter")
        await expect(opened.page.locator("#announcer")).to_contain_text("Parley:")


async def test_the_tour_has_five_steps(chromium: Browser, sandbox: Sandbox) -> None:
    """It opens by itself the first time, leads through all of it, and can be put away for good."""
    async with window(chromium, sandbox.url) as opened:
        tour = opened.page.get_by_role("region", name="Guided tour")
        for number in range(1, 6):
            await expect(tour.get_by_text(f"Step {number} of 5")).to_be_visible()
            if number < 5:
                await tour.get_by_role("button", name="Next").click()
        await tour.get_by_role("button", name="Done").click()
        await expect(tour).to_be_hidden()
        await opened.page.reload()
        await expect(opened.page.get_by_text("Bot running", exact=True)).to_be_visible()
        await expect(tour).to_be_hidden()


async def test_other_pages_can_do_nothing(sandbox: Sandbox) -> None:
    """By another name, or from another origin, nothing is shown and nobody is killed."""
    async with aiohttp.ClientSession() as http:
        for method, path, headers in (
            ("GET", "/", {"Host": "evil.example"}),
            ("GET", "/bot", {"Host": "127.0.0.1.evil.example"}),
            ("POST", "/bot/kill", {"Origin": "https://evil.example"}),
            ("POST", "/bot/kill", {"Sec-Fetch-Site": "cross-site"}),
            ("POST", "/via/slack/_control/reset", {"Origin": "https://evil.example"}),
        ):
            async with http.request(method, sandbox.url + path, headers=headers) as answer:
                assert answer.status == 403, (method, path, headers)
        for path in ("/via/slack/api/auth.test", "/via/bot/metrics", "/via/nobody/x"):
            async with http.get(sandbox.url + path) as answer:
                assert answer.status == 404, path


async def test_monday_comes_and_brings_the_digest(page: Page) -> None:
    """The bot's clock moves to nine on Monday: the digest is in both channels, with its picture."""
    await page.get_by_role("button", name="Monday 09:00").click()
    for pane in (slack(page), discord(page)):
        await go(pane, "general")
        digest = answers(pane).filter(has_text="Weekly digest")
        await expect(digest).to_have_count(1)
        picture = digest.get_by_role("img", name="cost")
        await expect(picture).to_be_visible()
        await wait_until(partial(picture.evaluate, "each => each.naturalWidth > 200"), 30.0)


async def test_the_bot_ends_with_its_parent(tmp_path: Path) -> None:
    """However suddenly the sandbox is killed, no process of it stays."""
    async with parley("sandbox", "--page", "--port", "0", directory=tmp_path, cold=True) as process:
        url = (await process.tells("In your browser")).split()[-1]
        (replica,) = await wait_until(partial(_replicas, url), 60.0)
        process.kill()
        await process.ended()
        await wait_until(lambda: _is_gone(replica["pid"]), 30.0, what="the bot's end")


async def _replicas(url: str) -> list[dict[str, int]]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/bot") as answer:
        found: list[dict[str, int]] = (await answer.json())["replicas"]
        return found


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_bot_that_can_not_start_is_told(tmp_path: Path, unused_tcp_port: int) -> None:
    """Its last words are the sandbox's own, and nothing is left running."""
    async with (
        await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", unused_tcp_port),
        parley("sandbox", "--page", directory=tmp_path, port=unused_tcp_port) as process,
    ):
        assert await process.ended(within_s=60) == 1
        said = process.complaints()
    assert f"PARLEY_HTTP=127.0.0.1:{unused_tcp_port}: another process listens there" in said
    assert "Traceback" not in said
