"""HTTP mode: what Slack posts is signed, checked, taken in and acknowledged."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from sandbox.slack import Redelivery
from tests.slack_desk import SlackDesk, slack_desk
from tests.support import wait_until

EVENT = '{"type": "event_callback", "event": {"type": "message"}}'


@asynccontextmanager
async def served(desk: SlackDesk) -> AsyncIterator[str]:
    """The adapter's routes on loopback; their address."""
    app = web.Application()
    app.add_routes(desk.adapter.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def desk() -> AsyncIterator[SlackDesk]:
    """An adapter that takes events by HTTP, and whose Slack sends them there."""
    async with slack_desk(mode="http") as connected, served(connected) as url:
        connected.slack.push_to(f"{url}/slack/events")
        yield connected


async def posted(
    url: str, body: str | BytesIO, headers: dict[str, str], path: str = "/slack/events"
) -> int:
    """The status that a request gets."""
    kind = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url + path, data=body, headers={**kind, **headers}) as response,
    ):
        return response.status


def signed(desk: SlackDesk, body: str, *, at: float | None = None) -> dict[str, str]:
    """The headers with which Slack signs."""
    when = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(desk.slack.signing_secret).generate_signature(
        timestamp=when, body=body
    )
    assert signature is not None
    return {"X-Slack-Request-Timestamp": when, "X-Slack-Signature": signature}


async def test_events_come_by_http(desk: SlackDesk) -> None:
    """The address is verified, a message is handed in and acknowledged."""
    assert desk.adapter.ready
    assert await desk.slack.verify_url()
    desk.slack.say("Hello?", mention=True)
    await wait_until(lambda: desk.intake.messages, what="the message")
    assert [message.text for message in desk.intake.messages] == ["Hello?"]
    await wait_until(lambda: desk.slack.acked == 2, what="both acknowledgements")


async def test_commands_and_presses_come_by_http(desk: SlackDesk) -> None:
    """They come as forms, to the same address."""
    desk.slack.slash("/parley", "What is a lease?")
    await wait_until(lambda: desk.intake.messages, what="the question")
    assert [message.text for message in desk.intake.messages] == ["What is a lease?"]


async def test_what_is_not_slacks_is_turned_away() -> None:
    """A wrong signature, none, or one of ten minutes ago."""
    async with slack_desk(mode="http") as desk, served(desk) as url:
        now = time.time()
        assert await posted(url, EVENT, signed(desk, EVENT)) == 200
        assert await posted(url, EVENT, signed(desk, EVENT + " ")) == 401
        assert await posted(url, EVENT, {}) == 401
        assert await posted(url, EVENT, signed(desk, EVENT, at=now - 600)) == 401
        assert await posted(url, "{", signed(desk, "{")) == 400
        assert await posted(url, "[]", signed(desk, "[]")) == 400
        assert await posted(url, BytesIO(b" " * (1024 * 1024 + 1)), {}) == 413
        for path in ("/slack/interactive", "/slack/commands"):
            assert await posted(url, EVENT, signed(desk, EVENT), path) == 200
        await desk.stop()
        assert await posted(url, EVENT, signed(desk, EVENT)) == 503


async def test_what_could_not_be_kept_is_not_acknowledged(desk: SlackDesk) -> None:
    """Slack sends it again, and then it is there."""
    desk.slack.redelivery = Redelivery(ack_within_s=3.0, pauses_s=(0.0, 0.05, 0.1))
    desk.intake.refuse(2)
    desk.slack.say("Hello?", channel="@ada")
    await wait_until(lambda: desk.intake.messages, what="the message")
    await wait_until(lambda: desk.slack.acked == 1, what="the acknowledgement")
    assert desk.intake.receipts == 3


async def test_a_follow_up_never_overtakes_what_it_follows(desk: SlackDesk) -> None:
    """While the mention could not be kept, what is said after it in its thread is not taken either."""
    desk.slack.redelivery = Redelivery(ack_within_s=3.0, pauses_s=(0.0, 0.1, 0.1, 0.1, 0.1))
    desk.intake.refuse(4)
    question = desk.slack.say("Hello?", mention=True)
    desk.slack.say("I mean: how are you?", thread_ts=question.ts)
    await wait_until(lambda: len(desk.intake.messages) == 2, what="both messages")
    texts = [message.text for message in desk.intake.messages]
    assert texts == ["Hello?", "I mean: how are you?"]


async def test_in_socket_mode_there_are_no_such_pages() -> None:
    """Nothing listens that is not needed."""
    async with slack_desk(started=False) as desk:
        assert list(desk.adapter.routes()) == []
