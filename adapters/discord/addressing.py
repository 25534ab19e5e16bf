"""Which conversation a message of Discord's belongs to, and whether the bot is meant."""

import asyncio
from dataclasses import dataclass
from typing import Final

from adapters.discord.controls import said_by
from adapters.discord.errors import Forbidden
from adapters.discord.identity import (
    channel_of,
    direct_thread,
    discord_thread,
    reply_chain,
    spot_of,
)
from adapters.discord.parse import Payload, reference_of
from adapters.discord.places import Place, Places
from bot.ports import Intake, PlatformError
from bot.vocabulary import Newest, Thread

PLACE_S: Final = 5.0
"""How long a message waits for what its channel is, which is nearly always known."""
MAX_REFERENCES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Me:
    """The bot as Discord knows it."""

    id: str
    name: str
    application_id: str


@dataclass(frozen=True, slots=True)
class Addressed:
    """Where a message belongs, and whether the bot is meant beyond doubt."""

    thread: Thread
    beyond_doubt: bool
    opens: bool = False
    """A thread of Discord's is to be opened for the answer."""


class Addressing:
    """Decides. `threads`: a mention in a channel is answered in a thread of its own."""

    def __init__(self, *, me: Me, places: Places, intake: Intake, threads: bool) -> None:
        self._me = me
        self._places = places
        self._intake = intake
        self._threads = threads
        self._references = Newest[str, str | None](MAX_REFERENCES)

    def codes(self, guild_id: str | None) -> tuple[str, ...]:
        """What means the bot in a text: its mention, and that of its own role."""
        guild = self._places.known_guild(guild_id)
        roles = guild.roles.items() if guild is not None else ()
        own = [f"<@&{role_id}>" for role_id, role in roles if role.bot_id == self._me.id]
        return (f"<@{self._me.id}>", f"<@!{self._me.id}>", *own)

    async def of(self, data: Payload, guild_id: str | None) -> Addressed | None:
        """Where a message belongs; None if it is none of the bot's business.

        Raises:
            IntakeUnavailable: that can't be found out now.
        """
        channel_id = str(data["channel_id"])
        if guild_id is None:
            return Addressed(direct_thread(channel_id), beyond_doubt=True)
        place = await self._place(channel_id)
        meant = self.is_meant(data, guild_id)
        if place is not None and place.is_thread and place.parent_id is not None:
            thread = discord_thread(guild_id, place.parent_id, channel_id)
            return Addressed(thread, meant or self._replies_to_us(data))
        if meant or data.get("message_reference") is not None:
            self._references[str(data["id"])] = reference_of(data)
            return await self._in_channel(data, guild_id, place, meant=meant)
        return None

    def is_meant(self, data: Payload, guild_id: str | None) -> bool:
        """The message mentions the bot, or the bot's own role. That a reply to the bot pings it does not
        count: it says whom it replies to already."""
        content = str(data.get("content") or "")
        if any(code in content for code in self.codes(guild_id)):
            return True
        mentioned = {str(user["id"]) for user in data.get("mentions") or ()}
        return self._me.id in mentioned and not self._replies_to_us(data)

    def replied_to(self, message_id: str) -> tuple[bool, str | None]:
        """Whether it is known what a message replies to, and what that is."""
        return message_id in self._references, self._references.get(message_id)

    async def _in_channel(
        self, data: Payload, guild_id: str, place: Place | None, *, meant: bool
    ) -> Addressed | None:
        channel_id, message_id = str(data["channel_id"]), str(data["id"])
        continued = await self._continued(data, guild_id)
        if continued is not None:
            return Addressed(continued, beyond_doubt=True)
        if not (meant or self._replies_to_us(data)):
            return None
        if self._threads and place is not None and place.opens_threads:
            thread = discord_thread(guild_id, channel_id, message_id)
            return Addressed(thread, beyond_doubt=True, opens=True)
        return Addressed(reply_chain(guild_id, channel_id, message_id), beyond_doubt=True)

    async def _continued(self, data: Payload, guild_id: str) -> Thread | None:
        """The conversation of the bot's message that is replied to."""
        replied_to = reference_of(data)
        if replied_to is None:
            return None
        original = data.get("referenced_message") or {}
        if original and str(original["author"]["id"]) != self._me.id:
            return None
        said = said_by(original.get("components") or [])
        if said is not None and said.channel_id == str(data["channel_id"]):
            thread: Thread | None = said.thread(guild_id)
        else:
            channel = channel_of(guild_id, str(data["channel_id"]))
            thread = await self._intake.thread_of(channel, replied_to)
        # What is said to the answer to a call begins a conversation: the call's own has come to its end.
        return None if thread is None or spot_of(thread).interaction_id is not None else thread

    def _replies_to_us(self, data: Payload) -> bool:
        author = (data.get("referenced_message") or {}).get("author") or {}
        return reference_of(data) is not None and str(author.get("id")) == self._me.id

    async def _place(self, channel_id: str) -> Place | None:
        try:
            async with asyncio.timeout(PLACE_S):
                return await self._places.place(channel_id)
        except Forbidden:
            return self._places.learn_channel({"id": channel_id})  # and not asked for again
        except (PlatformError, TimeoutError):
            return None  # taken for a plain channel
