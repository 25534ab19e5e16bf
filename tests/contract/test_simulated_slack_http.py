"""Events over HTTP: the real bolt app behind an address, with signatures it checks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest

from sandbox.slack import DeliveryState, Redelivery, SimulatedSlack
from tests.contract.slack_clients import Hearing, hearing_app
from tests.support import wait_until


class _Address:
    """Where bolt's app listens; `refuse` makes it fail the next requests with that status."""

    def __init__(self, heard: Hearing) -> None:
        self.heard = heard
        self.url = ""
        self.refuse: list[tuple[int, dict[str, str]]] = []
        self.statuses: list[int] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.text()
        if self.refuse:
            status, headers = self.refuse.pop(0)
            return web.Response(status=status, headers=headers)
        asked = AsyncBoltRequest(
            body=body, query=request.query_string, headers=dict(request.headers)
        )
        said = await self.heard.app.async_dispatch(asked)
        self.statuses.append(said.status)
        return web.Response(
            status=said.status,
            text=said.body,
            content_type=said.first_headers().get("content-type", "text/plain").split(";")[0],
        )


@pytest.fixture
async def address(simulated_slack: SimulatedSlack) -> AsyncIterator[_Address]:
    """The app's address, entered in the simulated Slack."""
    async with _listening(_Address(hearing_app(simulated_slack))) as address:
        simulated_slack.push_to(address.url)
        yield address


@asynccontextmanager
async def _listening(address: _Address) -> AsyncIterator[_Address]:
    app = web.Application()
    app.add_routes([web.post("/slack/events", address.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield address
    finally:
        await runner.cleanup()


async def test_the_address_is_verified_by_a_challenge(
    simulated_slack: SimulatedSlack, address: _Address
) -> None:
    """Bolt returns the challenge; nobody does at an address without an app."""
    assert await simulated_slack.verify_url()
    simulated_slack.push_to("http://127.0.0.1:9/")
    assert not await simulated_slack.verify_url()


async def test_events_are_signed_as_bolt_expects(
    simulated_slack: SimulatedSlack, address: _Address
) -> None:
    """A good signature is taken, a forged one is refused with 401 and tried again."""
    simulated_slack.say("hello")
    await simulated_slack.wait_for_acks(1)
    simulated_slack.redelivery = Redelivery(pauses_s=(0.0,))
    simulated_slack.forge_signatures(1)
    simulated_slack.say("forged")
    await simulated_slack.wait_for_acks(2)
    assert address.statuses == [200, 401, 200]
    assert [event["text"] for event in address.heard.events] == ["hello", "forged"]
    assert simulated_slack.deliveries[-1].reasons == ("http_error",)


async def test_a_failed_delivery_is_tried_again_and_says_so(
    simulated_slack: SimulatedSlack, address: _Address
) -> None:
    """The same event id, with the number and the reason of the retry in its headers."""
    simulated_slack.redelivery = Redelivery(pauses_s=(0.0, 0.0))
    address.refuse = [(500, {}), (503, {})]
    simulated_slack.say("hello")
    await simulated_slack.wait_for_acks(1)
    (headers,) = address.heard.headers
    assert headers["x-slack-retry-num"] == ["2"]
    assert headers["x-slack-retry-reason"] == ["http_error"]


async def test_an_app_can_ask_for_no_retry(
    simulated_slack: SimulatedSlack, address: _Address
) -> None:
    """`X-Slack-No-Retry: 1` ends it at once."""
    address.refuse = [(500, {"X-Slack-No-Retry": "1"})]
    simulated_slack.say("hello")
    await simulated_slack.until(lambda: simulated_slack.lost == 1, what="a lost event")
    assert simulated_slack.deliveries[0].attempts == 1


async def test_an_unreachable_address_is_given_up(simulated_slack: SimulatedSlack) -> None:
    """All attempts fail with `connection_failed`."""
    simulated_slack.redelivery = Redelivery(pauses_s=(0.0,))
    simulated_slack.push_to("http://127.0.0.1:9/slack/events")
    simulated_slack.say("hello")
    await simulated_slack.until(lambda: simulated_slack.lost == 1, what="a lost event")
    (delivery,) = simulated_slack.deliveries
    assert delivery.state is DeliveryState.LOST
    assert delivery.reasons == ("connection_failed", "connection_failed")


async def test_commands_and_buttons_come_as_forms(
    simulated_slack: SimulatedSlack, address: _Address
) -> None:
    """Bolt reads both, and what it acknowledges a command with is shown to that person alone."""
    pressed: list[str] = []

    @address.heard.app.command("/parley")
    async def command(ack, body) -> None:  # type: ignore[no-untyped-def]
        await ack(f"usage of {body['text']}")

    @address.heard.app.action("go")
    async def action(ack, body) -> None:  # type: ignore[no-untyped-def]
        await ack()
        pressed.append(body["actions"][0]["value"])

    simulated_slack.slash("/parley", "usage & more", by="grace")
    await simulated_slack.until(lambda: simulated_slack.visible(to="grace"), what="an answer")
    (shown,) = simulated_slack.visible(to="grace")
    assert (shown.text, shown.ephemeral_for) == (
        "usage of usage & more",
        simulated_slack.world.user("grace").id,
    )
    assert simulated_slack.visible(to="ada") == ()
    client = address.heard.app.client
    button = {"type": "button", "action_id": "go", "value": "v1"}
    button["text"] = {"type": "plain_text", "text": "Go"}  # type: ignore[assignment]
    await client.chat_postMessage(
        channel=simulated_slack.world.channel("general").id,
        text="?",
        blocks=[{"type": "actions", "elements": [button]}],
    )
    simulated_slack.press(simulated_slack.messages()[-1], "Go")
    await wait_until(lambda: pressed == ["v1"])
