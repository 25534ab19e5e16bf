"""The Slack adapter keeps the adapters' contract, with and without Slack's own streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from adapters.memory import MemoryIntake, MemoryStore, MemoryValues
from adapters.slack import Credentials, RateLimits, SlackAdapter, SlackConfig
from adapters.slack.places import channel_of
from bot.vocabulary import SystemClock, Thread
from sandbox.slack import Fault, SimulatedSlack, User
from tests.contract.adapter_contract import AdapterContract, AdapterHarness, Failure, Seen
from tests.support import wait_until

METHODS = {
    "post": "chat.postMessage",
    "edit": "chat.update",
    "delete": "chat.delete",
    "find": "conversations.replies",
}
FAULTS = {
    Failure.BUSY: Fault.rate_limited(0),
    Failure.AWAY: Fault.drop(),
    Failure.ANSWER_LOST: Fault.lost_answer(),
}
STRANGER = "U0MARIE001"


class SlackHarness(AdapterHarness):
    """Speaks to a `SimulatedSlack`, in a thread that another bot began."""

    hostile = (
        "<!channel> and <!here> and <!everyone>",
        f"<@{STRANGER}> and <@{STRANGER}|marie>",
        "<!subteam^S0123456789|@group>",
        f"`<@{STRANGER}>`\n\n```\n<!channel>\n```",
        "&lt;!channel&gt; &#60;!here&#62;",
        "<<!channel>> <!channel|<!here>>",
        "@channel @here @everyone",
    )

    def __init__(self, slack: SimulatedSlack) -> None:
        self.intake = MemoryIntake()
        self.slack = slack
        self.values = MemoryValues()
        self.root = slack.bot_says("Build 7 failed.", channel="general")
        team = slack.world.workspace().id
        slack.world.keep(User(id="someone", team_id=team, name="someone", real_name="Someone"))
        slack.join("general", "someone")  # whom the contract's notices are for

    async def start(self) -> None:
        """A new adapter, connected."""
        config = SlackConfig(
            credentials=Credentials(bot_token=self.slack.bot_token, app_token=self.slack.app_token),
            api_url=self.slack.api_url,
        )
        self._adapter = SlackAdapter(
            config=config,
            store=MemoryStore(behind=self.values),
            clock=SystemClock(),
            limits=RateLimits(enforced=False),
        )
        self._running = asyncio.create_task(self._adapter.run(self.intake))
        await wait_until(lambda: self._adapter.ready, what="the adapter's connection")

    @property
    def adapter(self) -> SlackAdapter:
        return self._adapter

    @property
    def thread(self) -> Thread:
        channel = channel_of(self.slack.world.workspace().id, self.root.channel_id)
        return Thread(channel, self.root.ts)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        await self._adapter.aclose()

    async def say(self, text: str) -> None:
        self.slack.say(text, channel="general", thread_ts=self.root.ts, mention=True)

    async def say_again(self) -> None:
        self.slack.repeat_events(2)

    def seen(self) -> list[Seen]:
        shown = self.slack.visible("general", self.root.ts, by_app=True)
        bot = self.slack.bot_user_id
        return [
            Seen(each.ts, each.text)
            for each in shown
            if each.author_id == bot and each.ephemeral_for is None
        ]

    async def remove(self, message_id: str) -> None:
        self.slack.delete(f"{self.root.channel_id}/{message_id}")

    def can_fail(self, verb: str, failure: Failure) -> bool:
        return verb != "find" or failure is not Failure.ANSWER_LOST

    def fail(self, verb: str, failure: Failure) -> None:
        fault = FAULTS[failure]
        if verb == "find" and failure is Failure.AWAY:
            fault = Fault.of_status(503)  # the HTTP library repeats what only reads
        self.slack.fail_next(fault, method=METHODS[verb])

    def close_thread(self) -> bool:
        self.slack.archive("general")
        return True

    def harm_done(self) -> list[str]:
        return [ping.target for ping in self.slack.pings]


class TestSlackAdapter(AdapterContract):
    """Where messages can be streamed, and where they are edited."""

    @pytest.fixture(params=[True, False], ids=["streaming", "editing"])
    async def harness(self, request: pytest.FixtureRequest) -> AsyncIterator[SlackHarness]:
        """A simulated Slack and a connected adapter."""
        async with SimulatedSlack() as slack:
            slack.set_streaming(request.param)
            harness = SlackHarness(slack)
            await harness.start()
            yield harness
            await harness.stop()
