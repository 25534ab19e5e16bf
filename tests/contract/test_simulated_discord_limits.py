"""The simulated Discord's rate limits and faults, as discord.py and plain requests see them."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from bot.vocabulary import ManualClock
from sandbox.discord import Fault, Outcome, RateLimits, SimulatedDiscord
from tests.contract.discord_clients import TOKEN, BareClient, bare, logged_in
from tests.support import wait_until

POST = "POST /channels/{}/messages"
PATCH = "PATCH /channels/{}/messages/{}"


class Poster:
    """Posts and edits without an SDK that would wait."""

    def __init__(self, simulated: SimulatedDiscord, client: BareClient) -> None:
        self._simulated, self._client = simulated, client

    async def post(self, channel: str = "general") -> tuple[aiohttp.ClientResponse, Any]:
        """Post something."""
        path = f"/channels/{self._simulated.world.channel(channel).id}/messages"
        return await self._client.ask("POST", path, json={"content": "x"})

    async def edit(self, message_id: str) -> tuple[aiohttp.ClientResponse, Any]:
        """Edit what was posted to `general`."""
        path = f"/channels/{self._simulated.world.channel('general').id}/messages/{message_id}"
        return await self._client.ask("PATCH", path, json={"content": "y"})


async def test_a_bucket_says_how_much_is_left() -> None:
    """Five posts in five seconds to a channel; other channels and edits have buckets of their own."""
    clock = ManualClock()
    async with (
        SimulatedDiscord(clock=clock, limits=RateLimits()) as simulated,
        bare(simulated) as client,
    ):
        poster = Poster(simulated, client)
        first, posted = await poster.post()
        assert first.headers["X-RateLimit-Limit"] == "5"
        assert first.headers["X-RateLimit-Remaining"] == "4"
        assert first.headers["X-RateLimit-Reset-After"] == "5.000"
        await clock.advance(2)
        for _ in range(4):
            last, _ = await poster.post()
        assert last.headers["X-RateLimit-Remaining"] == "0"
        assert last.headers["X-RateLimit-Reset-After"] == "3.000"
        refused, body = await poster.post()
        assert refused.status == 429
        assert body == {
            "message": "You are being rate limited.",
            "code": 0,
            "retry_after": 3.0,
            "global": False,
        }
        assert refused.headers["Retry-After"] == "3"
        assert refused.headers["X-RateLimit-Scope"] == "user"
        assert refused.headers["Via"]
        assert (await poster.post("random"))[0].status == 200
        edited, _ = await poster.edit(posted["id"])
        assert edited.status == 200
        assert edited.headers["X-RateLimit-Bucket"] != first.headers["X-RateLimit-Bucket"]
        await clock.advance(3)
        assert (await poster.post())[0].status == 200


async def test_the_sdk_keeps_to_the_limits() -> None:
    """It waits as the headers say, and is never refused."""
    limits = RateLimits(messages=3, messages_window_s=0.2)
    async with SimulatedDiscord(limits=limits) as simulated, logged_in(simulated) as client:
        channel = client.get_partial_messageable(simulated.world.channel("general").id)
        for number in range(7):
            await channel.send(f"{number}")
        assert [each.status for each in simulated.requests_of(POST)] == [200] * 7


async def test_the_whole_bot_has_a_limit() -> None:
    """Fifty a second over everything; interactions are not counted."""
    clock = ManualClock()
    async with (
        SimulatedDiscord(clock=clock, limits=RateLimits(others=1_000)) as simulated,
        bare(simulated) as client,
    ):
        for _ in range(50):
            response, _ = await client.ask("GET", "/users/@me")
            assert response.status == 200
        refused, body = await client.ask("GET", "/users/@me")
        assert (refused.status, body["global"]) == (429, True)
        assert refused.headers["X-RateLimit-Global"] == "true"
        assert refused.headers["X-RateLimit-Scope"] == "global"
        other, _ = await client.ask("POST", "/interactions/1/x/callback", json={"type": 4})
        assert other.status == 404
        await clock.advance(1)
        assert (await client.ask("GET", "/users/@me"))[0].status == 200


async def test_too_many_invalid_requests_are_a_ban() -> None:
    """Then Cloudflare answers, with a page and without `Via`, until ten minutes have passed."""
    clock = ManualClock()
    async with (
        SimulatedDiscord(clock=clock, limits=RateLimits(invalid_per_10_min=3)) as simulated,
        bare(simulated) as client,
    ):
        for _ in range(3):
            wrong, _ = await client.ask(
                "GET", "/users/@me", headers={"Authorization": "Bot invalid"}
            )
            assert wrong.status == 401
        banned, page = await client.ask("GET", "/users/@me")
        assert banned.status == 429
        assert "Via" not in banned.headers
        assert banned.headers["Retry-After"] == "600"
        assert "1015" in page
        with pytest.raises(discord.HTTPException) as failed:
            async with logged_in(simulated):
                pass
        assert failed.value.status == 429
        await clock.advance(601)
        assert (await client.ask("GET", "/users/@me"))[0].status == 200


async def test_without_limits_the_headers_promise_plenty(
    simulated_discord: SimulatedDiscord,
) -> None:
    """Tests need not wait: the bucket is always nearly untouched."""
    async with bare(simulated_discord) as client:
        poster = Poster(simulated_discord, client)
        for _ in range(20):
            response, _ = await poster.post()
            assert response.headers["X-RateLimit-Remaining"] == "1000"


async def test_faults_of_a_route_strike_as_often_as_they_are_told(
    simulated_discord: SimulatedDiscord,
) -> None:
    """An error, then another; other routes and later requests succeed."""
    async with logged_in(simulated_discord) as client:
        channel = client.get_partial_messageable(simulated_discord.world.channel("general").id)
        simulated_discord.fail_next(
            Fault.of_status(503), Fault.of_status(403, code=50013), route=POST
        )
        with pytest.raises(discord.DiscordServerError):
            await channel.send("a")
        await channel._state.http.send_typing(channel.id)
        with pytest.raises(discord.Forbidden) as failed:
            await channel.send("b")
        assert failed.value.code == 50013
        await channel.send("c")
        assert simulated_discord.visible() == ("c",)
        assert [(each.status, each.code) for each in simulated_discord.requests_of(POST)] == [
            (503, 0),
            (403, 50013),
            (200, 0),
        ]


async def test_a_refused_post_is_tried_again_by_the_sdk(
    simulated_discord: SimulatedDiscord,
) -> None:
    """A 429 of Discord's own is waited for; one from Cloudflare is not."""
    async with logged_in(simulated_discord) as client:
        channel = client.get_partial_messageable(simulated_discord.world.channel("general").id)
        simulated_discord.fail_next(Fault.rate_limit(0.01), route=POST, times=2)
        await channel.send("at last")
        assert simulated_discord.visible() == ("at last",)
        simulated_discord.fail_next(Fault.cloudflare(), route=POST)
        with pytest.raises(discord.HTTPException) as failed:
            await channel.send("never")
        assert failed.value.status == 429


async def test_a_lost_answer_was_acted_upon(simulated_discord: SimulatedDiscord) -> None:
    """The nonce brings back what was posted; nothing stands there twice."""
    async with logged_in(simulated_discord) as client:
        channel = client.get_partial_messageable(simulated_discord.world.channel("general").id)
        simulated_discord.fail_next(Fault.lost_answer(), route=POST)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await channel.send("once", nonce="n")
        assert simulated_discord.visible() == ("once",)
        await channel.send("once", nonce="n")
        assert simulated_discord.visible() == ("once",)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_dropped_request_was_not_acted_upon(
    simulated_discord: SimulatedDiscord, reset: bool
) -> None:
    """The connection closes before anything is done."""
    async with logged_in(simulated_discord) as client:
        channel = client.get_partial_messageable(simulated_discord.world.channel("general").id)
        simulated_discord.fail_next(Fault.drop(reset=reset), route=POST)
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await channel.send("x")
        assert simulated_discord.visible() == ()
        assert simulated_discord.requests[-1].outcome is Outcome.FAULTED


@pytest.mark.parametrize("after", [False, True])
async def test_a_request_can_hang(simulated_discord: SimulatedDiscord, after: bool) -> None:
    """Before or after it was acted upon; the log tells that the client gave up."""
    async with bare(simulated_discord) as client:
        poster = Poster(simulated_discord, client)
        simulated_discord.fail_next(Fault.hang(after=after), route=POST)
        waiting = asyncio.create_task(poster.post())
        await wait_until(lambda: simulated_discord.requests_of(POST))
        if after:
            await wait_until(lambda: simulated_discord.visible() == ("x",))
        waiting.cancel()
        await wait_until(lambda: simulated_discord.requests[-1].outcome is Outcome.DISCONNECTED)
        assert len(simulated_discord.visible()) == int(after)


async def test_a_request_can_be_late() -> None:
    """It is acted upon once the time has passed."""
    clock = ManualClock()
    async with SimulatedDiscord(clock=clock) as simulated, bare(simulated) as client:
        poster = Poster(simulated, client)
        simulated.fail_next(Fault.delay(5))
        waiting = asyncio.create_task(poster.post())
        await wait_until(lambda: simulated.requests)
        await clock.advance(4.9)
        assert not waiting.done()
        await clock.advance(0.2)
        assert (await waiting)[0].status == 200


async def test_a_page_instead_of_an_answer(simulated_discord: SimulatedDiscord) -> None:
    """As a proxy might answer."""
    async with bare(simulated_discord) as client:
        simulated_discord.fail_next(Fault.html())
        response, page = await client.ask("GET", "/users/@me")
        assert (response.status, response.content_type) == (200, "text/html")
        assert page.startswith("<!doctype html>")


async def test_requests_are_held_and_released(simulated_discord: SimulatedDiscord) -> None:
    """Those of one route wait before anything is done; others pass."""
    async with bare(simulated_discord) as client:
        poster = Poster(simulated_discord, client)
        simulated_discord.hold(POST)
        waiting = asyncio.create_task(poster.post())
        await simulated_discord.wait_for_held()
        assert (await client.ask("GET", "/users/@me"))[0].status == 200
        assert simulated_discord.visible() == ()
        simulated_discord.release()
        assert (await waiting)[0].status == 200
        assert simulated_discord.visible() == ("x",)


async def test_a_token_can_be_revoked(simulated_discord: SimulatedDiscord) -> None:
    """Every request is then 401, without a code."""
    async with bare(simulated_discord) as client:
        simulated_discord.revoke_token()
        response, body = await client.ask("GET", "/users/@me")
        assert (response.status, body) == (401, {"message": "401: Unauthorized", "code": 0})
        simulated_discord.revoke_token(revoked=False)
        assert (await client.ask("GET", "/users/@me"))[0].status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nonsense", 404), ("DELETE", "/users/@me", 405), ("GET", "/channels/x", 400)],
)
async def test_what_there_is_not(
    simulated_discord: SimulatedDiscord, method: str, path: str, status: int
) -> None:
    """Unknown paths and methods are answered in JSON, and logged."""
    async with bare(simulated_discord) as client:
        response, body = await client.ask(method, path)
        assert response.status == status
        assert isinstance(body["code"], int)
        assert simulated_discord.requests[-1].status == status


async def test_the_token_stays_out_of_the_log(simulated_discord: SimulatedDiscord) -> None:
    """Requests are remembered without their headers."""
    async with bare(simulated_discord) as client:
        await client.ask("GET", "/users/@me")
    assert TOKEN not in repr(simulated_discord.requests[-1])
