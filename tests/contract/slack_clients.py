"""The real Slack SDKs, pointed at a simulated Slack."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import RemoteSlack, SimulatedSlack

PING_S = 5.0
QUICK_PING_S = 0.2
"""How soon the SDK looks whether its connection broke; too quick for a busy machine where it didn't."""


@asynccontextmanager
async def web_client(
    slack: SimulatedSlack | RemoteSlack, *, token: str | None = None, **options: Any
) -> AsyncIterator[AsyncWebClient]:
    """The SDK's client, with a session of its own and no retries."""
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token if token is None else token,
            base_url=slack.api_url,
            session=session,
            retry_handlers=[],
            **options,
        )


@pytest.fixture
async def slack_client(simulated_slack: SimulatedSlack) -> AsyncIterator[AsyncWebClient]:
    """The SDK's client with the bot's token."""
    async with web_client(simulated_slack) as client:
        yield client


class Hearing:
    """A bolt app that writes down what it hears."""

    def __init__(self, app: AsyncApp) -> None:
        self.app = app
        self.events: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, Any]] = []

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type, in the order they were heard."""
        return [event for event in self.events if event["type"] == kind]


def hearing_app(slack: SimulatedSlack) -> Hearing:
    """An app that acknowledges everything it hears and writes it down."""
    quiet = logging.getLogger("tests.quiet_slack")
    quiet.setLevel(logging.CRITICAL)
    app = AsyncApp(
        name="hearing",  # or it looks through all modules for its own, at 40 ms
        client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url),
        signing_secret=slack.signing_secret,
        logger=quiet,
        ignoring_self_events_enabled=False,
        process_before_response=True,
    )
    heard = Hearing(app)

    @app.middleware
    async def note(body: dict[str, Any], req: Any, next: Any) -> None:  # noqa: A002 - bolt's name
        heard.bodies.append(body)
        heard.headers.append(dict(req.headers))
        if "event" in body:
            heard.events.append(body["event"])
        await next()

    @app.event(re.compile(".*"))
    async def anything() -> None:
        """It was heard already."""

    return heard


@asynccontextmanager
async def connected(
    slack: SimulatedSlack, *, sockets: int = 1, ping_interval: float = PING_S
) -> AsyncIterator[Hearing]:
    """The app over Socket Mode, with that many sockets."""
    heard = hearing_app(slack)
    handlers = [
        AsyncSocketModeHandler(
            heard.app, slack.app_token, logger=heard.app.logger, ping_interval=ping_interval
        )
        for _ in range(sockets)
    ]
    try:
        for handler in handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call]
        await slack.wait_for_sockets(sockets)
        yield heard
    finally:
        for handler in handlers:
            await handler.close_async()  # type: ignore[no-untyped-call]
