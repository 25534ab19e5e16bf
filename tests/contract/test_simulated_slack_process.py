"""The simulated Slack in a process of its own, controlled over HTTP."""

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from sandbox.slack import (
    ChannelKind,
    DeliveryState,
    Fault,
    Outcome,
    RateLimits,
    Redelivery,
    RemoteSlack,
    SimulatedSlack,
    SlackProcess,
    Upload,
)
from sandbox.slack.control import VERBS
from tests.contract.slack_clients import connected, web_client
from tests.simulators import WarmSlack


@pytest.fixture
async def warm_slack() -> AsyncIterator[SlackProcess]:
    """As `simulated_slack_process`, and quickly there."""
    async with WarmSlack() as slack:
        yield slack


async def test_another_process_can_do_all_that_a_test_can(
    simulated_slack_process: SlackProcess,
) -> None:
    """Talking, looking, faults, holding, waiting and the log, all over HTTP."""
    slack = simulated_slack_process
    said = await slack.say("hello", mention=True, files=[Upload("a.txt", b"\x00\xff")])
    assert said.content.files[0].size_bytes == 2
    assert (await slack.edit(said, "bye")).text == "bye"
    assert await slack.history_of(said) == ("@Parley hello", "bye")
    async with web_client(slack) as client:
        await slack.fail_next(Fault.of_error("fatal_error"), method="chat.postMessage")
        with pytest.raises(SlackApiError, match="fatal_error"):
            await client.chat_postMessage(channel=said.channel_id, text="x")
        await slack.hold("chat.postMessage")
        posting = asyncio.create_task(
            client.chat_postMessage(channel=said.channel_id, text="<!here> you", thread_ts=said.ts)
        )
        await slack.wait_for(held=1, calls={"chat.postMessage": 2})
        await slack.release()
        await posting
        await slack.change_settings(limits=RateLimits(posts_per_s=0.01, post_burst=1))
        await client.chat_postMessage(channel=said.channel_id, text="one")
        with pytest.raises(SlackApiError, match="ratelimited"):
            await client.chat_postMessage(channel=said.channel_id, text="two")
    shown = await slack.wait_for_message("you", thread_ts=said.ts)
    assert [each.text for each in shown] == ["@here you"]
    assert [ping.target for ping in await slack.pings()] == ["here"]
    calls = await slack.calls("chat.postMessage")
    outcomes = [Outcome.FAULTED, Outcome.ANSWERED, Outcome.ANSWERED, Outcome.REFUSED]
    assert [call.outcome for call in calls] == outcomes
    assert "token" not in calls[0].args
    seen = await slack.shown(shown[0])
    assert seen is not None
    assert seen.text == "@here you"
    await slack.delete(said)
    assert await slack.shown(said) is None
    assert (await slack.messages(thread_ts=said.ts))[0].deleted_at is not None
    await slack.reset()
    assert await slack.visible() == ()


def _parameters(method: Any) -> set[str]:
    return set(inspect.signature(method).parameters)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_the_same_here_and_there(verb: str) -> None:
    """What can be done in this process can be done in another, with arguments of the same names."""
    here, there = getattr(SimulatedSlack, verb), getattr(RemoteSlack, verb)
    assert _parameters(there) == _parameters(here)


async def test_the_world_can_be_changed_from_elsewhere(
    warm_slack: SlackProcess,
) -> None:
    """Workspaces, people and channels are made; tokens are revoked and given again."""
    slack = warm_slack
    other = await slack.add_workspace("Other", streaming=False)
    olga = await slack.add_user("olga", admin=True, workspace="other")
    shared = await slack.add_channel("shared", kind=ChannelKind.PRIVATE, shared_with=["other"])
    assert olga.id in shared.members
    await slack.join("lounge", "marie")
    await slack.archive("random")
    world = await slack.world()
    assert [each["archived"] for each in world["channels"] if each["name"] == "random"] == [True]
    assert world["api_url"] == slack.api_url
    await slack.revoke(workspace="other")
    again = await slack.reinstall(workspace="other")
    assert again.bot_token != other.bot_token
    assert await slack.oauth_code(workspace="other")
    await slack.set_scopes(["chat:write"], workspace="other")
    async with web_client(slack, token=again.bot_token) as client:
        assert (await client.auth_test()).headers["x-oauth-scopes"] == "chat:write"


async def test_the_feed_tells_what_changed(warm_slack: SlackProcess) -> None:
    """A long poll comes back with what happened after a number, or empty in time."""
    slack = warm_slack
    last = (await slack.state())["last_change"]
    waiting = asyncio.create_task(slack.changes(last))
    said = await slack.say("hello")
    (change,) = await waiting
    assert (change.kind, change.data["ts"]) == ("message", said.ts)
    assert await slack.changes(change.number, timeout_s=0.01) == ()


async def test_what_can_not_be_is_refused_with_a_reason(
    warm_slack: SlackProcess,
) -> None:
    """Unknown verbs and people, wrong arguments, and waits in vain."""
    slack = warm_slack
    with pytest.raises(RuntimeError, match="no user 'nobody'"):
        await slack.say("x", by="nobody")
    with pytest.raises(RuntimeError, match="is not in lab"):
        await slack.say("x", by="grace", channel="lab")
    with pytest.raises(TimeoutError):
        await slack.wait_for(acked=1, timeout_s=0.01)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.base_url}/_control/fly") as answer,
    ):
        assert answer.status == 404


async def test_what_nobody_hears_is_given_up_after_all_attempts(
    warm_slack: SlackProcess,
) -> None:
    """Events without a socket are lost in the end, which can be waited for."""
    slack = warm_slack
    await slack.change_settings(redelivery=Redelivery(ack_within_s=0.01, pauses_s=(0.0,)))
    await slack.say("is anybody there?")
    await slack.wait_for(lost=1)
    (delivery,) = await slack.deliveries()
    assert (delivery.state, delivery.reasons) == (DeliveryState.LOST, ("timeout", "timeout"))


async def test_a_simulator_can_be_controlled_from_elsewhere_while_it_runs_here() -> None:
    """`RemoteSlack` takes any address."""
    async with SimulatedSlack() as slack, RemoteSlack(slack.base_url) as remote:
        async with connected(slack) as heard:
            await remote.say("hi", channel="@ada")
            await remote.wait_for(acked=1, sockets=1)
        assert heard.events[0]["channel_type"] == "im"


async def test_it_ends_on_request() -> None:
    """SIGTERM ends the process quickly and quietly."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.slack", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"http://127.0.0.1:")
    process.terminate()
    async with asyncio.timeout(10):
        assert await process.wait() == 0
