"""Every scripted fault and limit reaches the real client as the real one would."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.vocabulary import ManualClock
from sandbox.slack import Fault, Outcome, RateLimits, SimulatedSlack
from tests.contract.slack_clients import slack_client, web_client

__all__ = ["slack_client"]


@pytest.fixture
def post(simulated_slack: SimulatedSlack) -> dict[str, Any]:
    """A post into `#general`."""
    return {"channel": simulated_slack.world.channel("general").id, "text": "hi"}


async def test_an_error_is_told_and_nothing_is_done(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, post: dict[str, Any]
) -> None:
    """For that method and so often; then all is well."""
    simulated_slack.fail_next(Fault.of_error("fatal_error"), times=2, method="chat.postMessage")
    await slack_client.auth_test()
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            await slack_client.chat_postMessage(**post)
    assert simulated_slack.visible() == ()
    await slack_client.chat_postMessage(**post)
    outcomes = [call.outcome for call in simulated_slack.calls("chat.postMessage")]
    assert outcomes == [Outcome.FAULTED, Outcome.FAULTED, Outcome.ANSWERED]


async def test_a_status_and_a_web_page_are_errors(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, post: dict[str, Any]
) -> None:
    """503, and what a captive portal sends."""
    simulated_slack.fail_next(Fault.of_status(503), Fault.not_json())
    with pytest.raises(SlackApiError) as caught:
        await slack_client.chat_postMessage(**post)
    assert caught.value.response.status_code == 503
    with pytest.raises(SlackApiError):
        await slack_client.chat_postMessage(**post)
    assert simulated_slack.visible() == ()


async def test_too_many_calls_are_told_when_to_come_back(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, post: dict[str, Any]
) -> None:
    """429 with `Retry-After`, which the SDK's own handler obeys."""
    simulated_slack.fail_next(Fault.rate_limited(7))
    with pytest.raises(SlackApiError) as caught:
        await slack_client.chat_postMessage(**post)
    assert (caught.value.response.status_code, caught.value.response["error"]) == (
        429,
        "ratelimited",
    )
    assert caught.value.response.headers["Retry-After"] == "7"
    simulated_slack.fail_next(Fault.rate_limited(0))
    slack_client.retry_handlers.append(AsyncRateLimitErrorRetryHandler())
    await slack_client.chat_postMessage(**post)
    assert len(simulated_slack.visible()) == 1


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_lost_answer_leaves_what_was_done(
    simulated_slack: SimulatedSlack,
    slack_client: AsyncWebClient,
    post: dict[str, Any],
    reset: bool,
) -> None:
    """The client sees a broken connection in both cases, and can't tell them apart."""
    simulated_slack.fail_next(Fault.drop(reset=reset), Fault.lost_answer(reset=reset))
    for shown in (0, 1):
        with pytest.raises(aiohttp.ClientConnectionError):
            await slack_client.chat_postMessage(**post)
        assert len(simulated_slack.visible()) == shown
    assert [call.acted for call in simulated_slack.requests] == [False, True]


async def test_the_sdks_own_retry_posts_twice_after_a_lost_answer(
    simulated_slack: SimulatedSlack, post: dict[str, Any]
) -> None:
    """Which is why posts are made without it."""
    client = AsyncWebClient(token=simulated_slack.bot_token, base_url=simulated_slack.api_url)
    simulated_slack.fail_next(Fault.lost_answer())
    await client.chat_postMessage(**post)
    assert len(simulated_slack.visible()) == 2


async def test_a_call_that_hangs_runs_into_the_clients_deadline(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, post: dict[str, Any]
) -> None:
    """Nothing is done; the log says that the client went away."""
    simulated_slack.fail_next(Fault.hang())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await slack_client.chat_postMessage(**post)
    await simulated_slack.until(
        lambda: simulated_slack.requests[0].outcome is Outcome.DISCONNECTED, what="the end"
    )
    assert simulated_slack.visible() == ()


async def test_a_call_can_be_held_before_or_after_it_is_done(
    simulated_slack: SimulatedSlack, slack_client: AsyncWebClient, post: dict[str, Any]
) -> None:
    """And goes on when it is released."""
    for after, shown in ((False, 0), (True, 2)):
        simulated_slack.hold("chat.postMessage", after=after)
        posting = asyncio.create_task(slack_client.chat_postMessage(**post))
        await simulated_slack.wait_for_held()
        assert len(simulated_slack.visible()) == shown
        await slack_client.auth_test()
        simulated_slack.release()
        await posting


async def test_a_slow_call_takes_its_time() -> None:
    """As long as it was told, by the simulator's clock."""
    clock = ManualClock()
    async with SimulatedSlack(clock=clock) as slack, web_client(slack) as client:
        slack.fail_next(Fault.delay(5))
        call = asyncio.create_task(client.auth_test())
        await slack.wait_for_call("auth.test")
        await clock.advance(4)
        assert not call.done()
        await clock.advance(2)
        await call


async def test_posts_are_limited_by_channel() -> None:
    """A small burst, then one a second in each; the wait is told, and is enough."""
    clock = ManualClock()
    limits = RateLimits()
    async with SimulatedSlack(clock=clock, limits=limits) as slack, web_client(slack) as client:
        general, random = (slack.world.channel(name).id for name in ("general", "random"))
        for _ in range(limits.post_burst):
            await client.chat_postMessage(channel=general, text="hi")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=general, text="hi")
        await client.chat_postMessage(channel=random, text="hi")
        assert caught.value.response.headers["Retry-After"] == "1"
        await clock.advance(1)
        await client.chat_postMessage(channel=general, text="hi")
    assert len(slack.visible("general")) == limits.post_burst + 1


async def test_methods_are_limited_by_their_tier() -> None:
    """Twenty lists a minute, and the twenty-first waits three seconds; other methods are free."""
    clock = ManualClock()
    async with (
        SimulatedSlack(clock=clock, limits=RateLimits()) as slack,
        web_client(slack) as client,
    ):
        for _ in range(20):
            await client.conversations_list()
        with pytest.raises(SlackApiError) as caught:
            await client.conversations_list()
        assert caught.value.response.headers["Retry-After"] == "3"
        await client.conversations_info(channel=slack.world.channel("general").id)
        await clock.advance(3)
        await client.conversations_list()
        slack.limits = RateLimits.off()
        for _ in range(30):
            await client.conversations_list()


async def test_one_for_people_has_slacks_limits() -> None:
    """And a small world to talk in."""
    async with SimulatedSlack.for_people() as slack:
        assert slack.limits.enforced
        assert slack.redelivery.pauses_s == (0.0, 60.0, 300.0)
        people = [user.name for user in slack.world.users if not user.is_bot]
        assert people == ["ada", "grace", "linus", "marie"]
