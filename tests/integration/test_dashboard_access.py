"""The dashboard's door: this machine alone, or whoever has the token; and nobody's text."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.web.access import COOKIE, CSRF_HEADER, FAILURES
from sandbox.claude import Fault
from tests.engine_rig import Rig, engine

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])

TOKEN = "a-long-random-text-of-the-operators"
QUICK = """
[claude]
turn_deadline_s = 4.0
max_attempts = 1
fallback_models = []
outage_patience_s = 0
"""
READS = ("session", "now", "costs", "schedule", "plugins", "settings", "messages/x")


class Browser:
    """Asks for pages as a browser does, and remembers cookies; `url` is the dashboard's."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON of a page below the API."""
        async with self.http.get(f"{self.url}/api/{path}", headers=headers) as page:
            return page.status, await page.json()

    async def post(
        self, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of what changes something."""
        url = f"{self.url}/api/{path}"
        async with self.http.post(url, json=body or {}, headers=headers) as page:
            return page.status, await page.json()

    async def csrf(self) -> str:
        """What its pages know."""
        _, session = await self.get("session")
        return str(session["csrf"])


@asynccontextmanager
async def dashboard(
    url: str, *, token: str = "", config: str = ""
) -> AsyncIterator[tuple[Rig, Browser]]:
    """A service whose dashboard is open in a browser."""
    async with engine(url, config, web=True, web_token=token) as rig:
        address = await rig.replicas[0].serving()
        jar = aiohttp.CookieJar(unsafe=True)  # of a host that is a number, as 127.0.0.1 is
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield rig, Browser(http, f"{address}/dashboard")


async def test_without_a_token_this_machine_alone_is_shown_it(ready_url: str) -> None:
    """By a local name everything is answered; by any other, or on behalf of somebody else, nothing."""
    async with dashboard(ready_url) as (_, browser):
        for path in READS[:-1]:
            assert (await browser.get(path))[0] == 200, path
        for headers in (
            {"Host": "parley.example.org"},
            {"Host": "127.0.0.1.example.org:8080"},
            {"X-Forwarded-For": "203.0.113.9"},
            {"Forwarded": "for=203.0.113.9"},
        ):
            for path in READS:
                status, said = await browser.get(path, headers)
                assert status == 403, (headers, path)
                assert "PARLEY_WEB_TOKEN" in said["why"]
            async with browser.http.get(f"{browser.url}/", headers=headers) as page:
                assert page.status == 403


async def test_with_a_token_nothing_is_shown_without_it(ready_url: str) -> None:
    """Neither to this machine nor to others; the pages to sign in are, by any name."""
    async with dashboard(ready_url, token=TOKEN) as (_, browser):
        for path in READS:
            assert (await browser.get(path))[0] == 401, path
        assert (await browser.get("now", {"Authorization": "Bearer wrong"}))[0] == 401
        assert (await browser.get("now", {"Authorization": f"Bearer {TOKEN}"}))[0] == 200
        async with browser.http.get(f"{browser.url}/", headers={"Host": "p.example.org"}) as page:
            assert page.status == 200


async def test_signing_in(ready_url: str) -> None:
    """The token gives a cookie that no script can read and no other site can send; it opens the rest."""
    async with dashboard(ready_url, token=TOKEN) as (_, browser):
        assert await browser.post("session", {"token": "wrong"}) == (
            401,
            {"why": "That is not the token."},
        )
        async with browser.http.post(f"{browser.url}/api/session", json={"token": TOKEN}) as page:
            assert page.status == 200
            cookie = page.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/dashboard"} <= set(cookie.split("; "))
        assert TOKEN not in cookie
        assert (await browser.get("now"))[0] == 200


async def test_a_forged_or_old_cookie_opens_nothing(ready_url: str) -> None:
    """A session's end is signed along with it."""
    async with dashboard(ready_url, token=TOKEN) as (_, browser):
        await browser.post("session", {"token": TOKEN})
        (cookie,) = (each.value for each in browser.http.cookie_jar if each.key == COOKIE)
        until, _, signature = cookie.partition(".")
        browser.http.cookie_jar.clear()
        for forged in (f"{int(until) + 1}.{signature}", f"1.{signature}", "x.y", ""):
            assert (await browser.get("now", {"Cookie": f"{COOKIE}={forged}"}))[0] == 401


async def test_guessing_ends_soon(ready_url: str) -> None:
    """After some wrong tokens not even the right one is heard for a while."""
    async with dashboard(ready_url, token=TOKEN) as (_, browser):
        for _ in range(FAILURES):
            assert (await browser.post("session", {"token": "guess"}))[0] == 401
        assert (await browser.post("session", {"token": TOKEN}))[0] == 429


@pytest.mark.parametrize("token", ["", TOKEN], ids=["local", "by token"])
async def test_nobody_else_can_make_a_browser_change_anything(ready_url: str, token: str) -> None:
    """What changes something needs the header that only the pages know, and their own origin."""
    async with dashboard(ready_url, token=token, config=QUICK) as (rig, browser):
        rig.claude.fail_next(Fault.of_status(500), times=None)
        ended = await rig.end_of(rig.say("one"))
        rig.claude.reset()
        if token:
            await browser.post("session", {"token": token})
        retry, csrf = f"turns/{ended.turn_id}/retry", await browser.csrf()
        elsewhere = {"Origin": "https://evil.example", CSRF_HEADER: csrf}
        for headers in ({}, {CSRF_HEADER: "guess"}, elsewhere):
            assert (await browser.post(retry, headers=headers))[0] == 403
        assert (await browser.post(retry, headers={CSRF_HEADER: csrf}))[0] == 200
        await rig.at_rest()


async def test_pages_allow_nothing_from_elsewhere(ready_url: str) -> None:
    """No inline script or style, no frame, no other origin; a path that climbs leads nowhere."""
    async with dashboard(ready_url) as (_, browser):
        for path in ("/", "/app.js", "/views/costs.js", "/theme.css"):
            async with browser.http.get(f"{browser.url}{path}") as page:
                assert page.status == 200
                policy = page.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                text = await page.text()
                assert "style=" not in text
                tag = page.headers["ETag"]
            unchanged = {"If-None-Match": tag}
            async with browser.http.get(f"{browser.url}{path}", headers=unchanged) as again:
                assert again.status == 304
        for path in ("/..%2faccess.py", "/%2e%2e/access.py", "/nothing"):
            async with browser.http.get(f"{browser.url}{path}") as page:
                assert page.status == 404


async def test_nothing_that_people_said_is_shown(ready_url: str) -> None:
    """Not in any answer, unless the operator lets the pages show it."""
    for config, shown in (("", False), ("[web]\nshow_text = true\n", True)):
        async with dashboard(ready_url, config=QUICK + config) as (rig, browser):
            rig.claude.script.always("Nightingale, answered.")
            said = rig.say("Nightingale, asked.", thread=rig.thread(str(shown)))
            await rig.end_of(said)
            paths = (*READS[:-1], f"messages/{said.key}")
            answers = [str((await browser.get(path))[1]) for path in paths]
            assert any("Nightingale" in answer for answer in answers) == shown
