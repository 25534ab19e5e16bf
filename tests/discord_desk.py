"""A Discord adapter in a test, between a simulated Discord and an intake in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.discord import DiscordAdapter
from adapters.discord.identity import direct_thread, reply_chain
from adapters.memory import MemoryIntake, MemoryStore
from bot.ports import CommandOffer, Part
from bot.vocabulary import Message, SystemClock, Thread, new_id
from sandbox.discord import SimulatedDiscord
from tests.support import wait_until


class Desk:
    """An adapter in use."""

    def __init__(self, discord: SimulatedDiscord, *, offers: tuple[CommandOffer, ...] = ()) -> None:
        self.discord = discord
        self.intake = MemoryIntake(offers=offers)
        self.store = MemoryStore()
        self.adapter = self.new_adapter()

    def new_adapter(self) -> DiscordAdapter:
        """Another one, on the same Discord."""
        return DiscordAdapter(
            token="simulated",
            clock=SystemClock(),
            store=self.store,
            api_url=self.discord.api_url,
            requests_per_s=10_000,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the end of the block it runs."""
        adapter = self.adapter
        task = asyncio.create_task(adapter.run(self.intake))
        try:
            await wait_until(lambda: adapter.ready or task.done(), what="the connection")
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await adapter.aclose()

    async def crash(self) -> None:
        """The adapter is thrown away with all that it noted, as if it had died before."""
        self.store = MemoryStore()
        self.adapter = self.new_adapter()

    @property
    def direct(self) -> Thread:
        """Ada's direct messages."""
        return direct_thread(str(self.discord.dm("ada").id))

    def chain(self, root_id: int) -> Thread:
        """A conversation in the channel `general`."""
        general = self.discord.world.channel("general")
        return reply_chain(str(self.discord.guild.id), str(general.id), str(root_id))

    async def heard(self, count: int = 1) -> list[Message]:
        """The messages in the intake, once there are so many."""
        await wait_until(lambda: len(self.intake.messages) >= count, what=f"{count} messages")
        return self.intake.messages


def part(mark: str, text: str = "Hello", **more: object) -> Part:
    """A part of a reply that has come to its end."""
    return Part(mark=mark, markdown=text, final=True, **more)  # type: ignore[arg-type]


def turn() -> str:
    """The id of a turn that begins now."""
    return new_id(SystemClock().now())
