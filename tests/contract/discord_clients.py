"""discord.py against the simulated Discord."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from sandbox.discord import SimulatedDiscord

TOKEN = "simulated"


def everyday_intents(**more: bool) -> discord.Intents:
    """Those that need no permission: guilds, their messages, direct messages; and `more`."""
    return discord.Intents(guilds=True, guild_messages=True, dm_messages=True, **more)


class Listener(discord.Client):
    """Remembers what it is told."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"intents": everyday_intents(), "guild_ready_timeout": 0.05, **options})
        self.heard: list[discord.Message] = []
        self.interactions: list[discord.Interaction] = []
        self.events: list[str] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Every event passes here."""
        self.events.append(event)
        super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for nothing; the SDK would wait five seconds."""

    async def on_message(self, message: discord.Message) -> None:
        """A message arrived."""
        self.heard.append(message)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Somebody ran a command or pressed a button."""
        self.interactions.append(interaction)

    @property
    def texts(self) -> list[str]:
        """What people said, as far as it could be read."""
        return [message.content for message in self.heard if not message.author.bot]

    def count(self, event: str) -> int:
        """How often an event came."""
        return self.events.count(event)


@asynccontextmanager
async def connected(simulated: SimulatedDiscord, **options: Any) -> AsyncIterator[Listener]:
    """A client with a session at the gateway."""
    with pointed_at(simulated):
        client = Listener(**options)
        before = simulated.gateway.connected
        running = asyncio.create_task(client.start(TOKEN))
        try:
            await _either(simulated.wait_for_bot(before + 1), running)
            yield client
        finally:
            await client.close()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


@asynccontextmanager
async def logged_in(simulated: SimulatedDiscord, **options: Any) -> AsyncIterator[discord.Client]:
    """A client that only makes requests."""
    with pointed_at(simulated):
        client = discord.Client(intents=discord.Intents.none(), **options)
        try:
            await client.login(TOKEN)
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def bare(simulated: SimulatedDiscord) -> AsyncIterator["BareClient"]:
    """Requests without an SDK, for what one hides."""
    headers = {"Authorization": f"Bot {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield BareClient(session, simulated.api_url)


class BareClient:
    """Plain requests; the paths begin after the version."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str) -> None:
        self._session = session
        self._api_url = api_url

    async def ask(
        self, method: str, path: str, **options: Any
    ) -> tuple[aiohttp.ClientResponse, Any]:
        """The response, and its JSON if it has any."""
        async with self._session.request(method, self._api_url + path, **options) as response:
            is_json = response.headers.get("Content-Type") == "application/json"
            return response, await response.json() if is_json else await response.text()


@contextmanager
def pointed_at(simulated: SimulatedDiscord) -> Iterator[None]:
    """Let discord.py find the simulated Discord; it has no other switch for that."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = simulated.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(simulated.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


async def _either(waiting: Any, running: "asyncio.Task[None]") -> None:
    """Wait, but no longer than the client lives."""
    wait = asyncio.ensure_future(waiting)
    await asyncio.wait({wait, running}, return_when=asyncio.FIRST_COMPLETED)
    if not wait.done():
        wait.cancel()
        running.result()
    await wait
