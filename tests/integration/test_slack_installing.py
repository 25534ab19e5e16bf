"""Many workspaces: they install the app by OAuth, are answered under their own token, and leave."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import aiohttp
import pytest
from cryptography.fernet import Fernet

from adapters.slack import Credentials
from bot.ports import Part, PlatformError, ThreadGone
from sandbox.slack import SimulatedSlack
from tests.integration.test_slack_http import served
from tests.slack_desk import SlackDesk, slack_desk
from tests.support import wait_until

KEY = Fernet.generate_key().decode()
SCOPES = ("chat:write", "app_mentions:read")


def credentials(slack: SimulatedSlack, *, key: str = KEY) -> Credentials:
    """Those of an app that others can install; no token of its own."""
    app = slack.world.app
    return Credentials(
        app_token=app.app_token,
        client_id=app.client_id,
        client_secret=app.client_secret,
        secret_key=key,
    )


@asynccontextmanager
async def shop() -> AsyncIterator[tuple[SlackDesk, str]]:
    """An adapter without a workspace, and the address of its pages."""
    async with slack_desk(started=False) as outer:
        desk = SlackDesk(outer.slack, credentials=credentials(outer.slack), scopes=SCOPES)
        await desk.start()
        try:
            async with served(desk) as url:
                yield desk, url
        finally:
            await desk.stop()


async def install(desk: SlackDesk, url: str, *, workspace: str | None = None) -> int:
    """What an administrator's browser does; the status of the last page."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        async with browser.get(f"{url}/slack/install") as page:
            cookie = page.headers["Set-Cookie"].split(";")[0]
            link = re.search(r"/oauth/v2/authorize\?([^\"]*)", await page.text())
        assert link is not None, "the page leads to Slack"
        asked = parse_qs(html.unescape(link[1]))
        assert asked["scope"] == [",".join(SCOPES)]
        code = desk.slack.oauth_code(workspace=workspace)
        arrival = f"{url}/slack/oauth_redirect?code={code}&state={asked['state'][0]}"
        async with browser.get(arrival, headers={"Cookie": cookie}) as page:
            return page.status


def part(text: str) -> Part:
    """A part of a reply."""
    return Part(mark="0123456789abcdef.0", markdown=text, final=True)


async def test_a_workspace_that_installs_the_app_is_answered() -> None:
    """Before that nothing can be said there; afterwards its people are heard and answered."""
    async with shop() as (desk, url):
        other = desk.slack.add_workspace("Elsewhere")
        desk.slack.add_user("emmy", workspace=other.team_id)
        channel = desk.slack.add_channel("lab2", workspace=other.team_id)
        assert await install(desk, url, workspace=other.team_id) == 200
        desk.slack.say("Hello?", by="emmy", channel=channel.id, mention=True)
        await wait_until(lambda: desk.intake.messages, what="the question")
        (message,) = desk.intake.messages
        assert message.thread.channel.workspace == other.team_id
        await desk.adapter.post(message.thread, part("Yes."))
        assert [each.text for each in desk.slack.visible(channel.id, by_app=True)] == ["Yes."]
        first = desk.slack.say("Hello?", mention=True)
        with pytest.raises(ThreadGone, match="not installed"):
            await desk.adapter.post(desk.thread(first), part("Yes."))


async def test_tokens_are_encrypted_at_rest() -> None:
    """What is stored gives nothing away, and nothing to another key."""
    async with shop() as (desk, url):
        await install(desk, url)
        stored = "".join(desk.values.values.values())
        assert desk.slack.bot_token not in stored
        other_key = credentials(desk.slack, key=Fernet.generate_key().decode())
        stranger = SlackDesk(desk.slack, credentials=other_key)
        stranger.values.values.update(desk.values.values)
        root = desk.slack.say("Hello?")
        with pytest.raises(ThreadGone):
            await stranger.adapter.post(desk.thread(root), part("Yes."))
        await desk.adapter.post(desk.thread(root), part("Yes."))
        await stranger.stop()


@pytest.mark.parametrize("what", ["revoke", "uninstall"])
async def test_a_workspace_that_leaves_is_forgotten(what: str) -> None:
    """Its token is deleted, its threads end, and it can come back."""
    async with shop() as (desk, url):
        await install(desk, url)
        root = desk.slack.say("Hello?")
        await desk.adapter.post(desk.thread(root), part("Yes."))
        getattr(desk.slack, what)()
        await wait_until(
            lambda: not any(key.startswith("installed") for key in desk.values.values),
            what="the token to be deleted",
        )
        with pytest.raises(ThreadGone):
            await desk.adapter.post(desk.thread(root), part("Yes."))
        desk.slack.reinstall()
        await install(desk, url)
        await desk.adapter.post(desk.thread(root), part("Yes again."))


async def test_an_installation_that_nobody_began_is_refused() -> None:
    """The state must be ours, of the same browser, and used once."""
    async with shop() as (desk, url):
        code = desk.slack.oauth_code()
        async with aiohttp.ClientSession() as browser:
            forged = f"{url}/slack/oauth_redirect?code={code}&state=forged"
            async with browser.get(forged) as page:
                assert page.status == 400
            cookie = {"Cookie": "slack-app-oauth-state=forged"}
            async with browser.get(forged, headers=cookie) as page:
                assert page.status == 401
        assert not any(key.startswith("installed") for key in desk.values.values)


async def test_a_key_that_is_none_is_told_with_a_remedy() -> None:
    """How to make one."""
    async with slack_desk(started=False) as desk:
        with pytest.raises(PlatformError, match=r"Fernet\.generate_key"):
            SlackDesk(desk.slack, credentials=credentials(desk.slack, key="secret"))
