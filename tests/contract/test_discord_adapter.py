"""The Discord adapter keeps the adapters' contract, before a simulated Discord."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.discord import DiscordAdapter
from adapters.discord.identity import direct_thread, discord_thread
from adapters.memory import MemoryIntake, MemoryStore
from bot.vocabulary import SystemClock, Thread
from sandbox.discord import Fault, SimulatedDiscord
from tests.contract.adapter_contract import AdapterContract, AdapterHarness, Failure, Seen
from tests.support import wait_until

ROUTES = {
    "post": "POST /channels/{}/messages",
    "edit": "PATCH /channels/{}/messages/{}",
    "delete": "DELETE /channels/{}/messages/{}",
    "find": "GET",
}


class DiscordHarness(AdapterHarness):
    """Ada writes to the bot, directly or below a question in a channel."""

    hostile: tuple[str, ...] = (
        "@everyone",
        "@here",
        "<@&{role}>",
        "<@{user}>",
        "<@!{user}>",
        "@\u200beveryone",
        "`@everyone` @everyone",
        "[@everyone](https://example.com)",
    )

    def __init__(self, discord: SimulatedDiscord, *, direct: bool) -> None:
        self.discord = discord
        self.intake = MemoryIntake()
        self._store = MemoryStore()
        self._direct = direct
        world = discord.world
        everybody = world.add_role(discord.guild, "Everybody", mentionable=True)
        world.add_member(discord.guild, world.add_user("eve"), everybody)
        names = {"role": everybody.id, "user": world.user("eve").id}
        self.hostile = tuple(
            text.replace("{role}", str(names["role"])).replace("{user}", str(names["user"]))
            for text in self.hostile
        )

    async def start(self) -> None:
        """A new process begins."""
        self._adapter = DiscordAdapter(
            token="a token",
            clock=SystemClock(),
            store=self._store,
            api_url=self.discord.api_url,
            threads=not self._direct,
            requests_per_s=10_000,
        )
        self._running = asyncio.create_task(self._adapter.run(self.intake))
        await wait_until(lambda: self._adapter.ready or self._running.done())

    async def prepare(self) -> None:
        """Where the conversation is."""
        if self._direct:
            self.channel = self.discord.dm("ada")
            return
        question = self.discord.say("a question", mention=True)
        self.channel = self.discord.open_thread("a thread", message=question)

    @property
    def adapter(self) -> DiscordAdapter:
        return self._adapter

    @property
    def thread(self) -> Thread:
        if self._direct:
            return direct_thread(str(self.channel.id))
        return discord_thread(
            str(self.discord.guild.id), str(self.channel.parent_id), str(self.channel.id)
        )

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        self._running.cancel()
        await asyncio.wait({self._running})
        await self._adapter.aclose()

    async def say(self, text: str) -> None:
        self.discord.say(text, channel=self.channel, mention=not self._direct)

    async def say_again(self) -> None:
        self.discord.gateway.repeat_last("MESSAGE_CREATE")

    def seen(self) -> list[Seen]:
        return [
            Seen(str(message.id), message.content)
            for message in self.discord.messages(self.channel, by=self.discord.bot)
            if message.deleted_at is None
        ]

    async def remove(self, message_id: str) -> None:
        self.discord.delete(message_id)

    def can_fail(self, verb: str, failure: Failure) -> bool:
        """A lost answer to a request that can be repeated is noticed, and repeated, below."""
        return failure is not Failure.ANSWER_LOST or verb in ("post", "edit")

    def fail(self, verb: str, failure: Failure) -> None:
        fault = {
            Failure.BUSY: Fault.rate_limit(0.05),
            Failure.AWAY: Fault.of_status(503),
            Failure.ANSWER_LOST: Fault.lost_answer(),
        }[failure]
        self.discord.fail_next(fault, route=ROUTES[verb])

    def close_thread(self) -> bool:
        if self._direct:
            self.discord.close_dm("ada")
        else:
            self.discord.archive(self.channel, locked=True)
        return True

    def as_shown(self, text: str) -> str:
        """Discord trims what it is sent."""
        return text.strip()

    def harm_done(self) -> list[str]:
        return [str(each) for each in self.discord.pings()]


class TestDiscordAdapter(AdapterContract):
    """In a direct message and in a thread."""

    @pytest.fixture(params=[True, False], ids=["direct", "thread"])
    async def harness(self, request: pytest.FixtureRequest) -> AsyncIterator[DiscordHarness]:
        """A Discord on loopback."""
        async with SimulatedDiscord() as discord:
            harness = DiscordHarness(discord, direct=request.param)
            await harness.prepare()
            await harness.start()
            yield harness
            await harness.stop()
