"""What comes in: events become the vocabulary's, and are handed in until they are kept."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from discord.utils import snowflake_time

from adapters.discord.addressing import Addressed, Addressing
from adapters.discord.identity import channel_of
from adapters.discord.interactions import Interactions
from adapters.discord.lanes import Lanes
from adapters.discord.mentions import Names
from adapters.discord.opening import ThreadOpener
from adapters.discord.parse import (
    attachments_of,
    guild_id_of,
    person_of,
    said_by_person,
    says_nothing,
    sent_at,
    text_of,
    user_names,
)
from adapters.discord.places import Places
from adapters.discord.rest import Json
from bot.ports import Intake, IntakeUnavailable
from bot.vocabulary import (
    Channel,
    Clock,
    Event,
    Message,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Newest,
)

log = structlog.get_logger(__name__)

FIRST_RETRY_S: Final = 0.25
LONGEST_RETRY_S: Final = 5.0
MAX_TAKEN: Final = 20_000
DELETIONS_FOR: Final = timedelta(days=1)
"""An older question was answered long ago: that it is deleted now changes nothing."""


class Hearing:
    """Hears events. One for all shards of this replica."""

    def __init__(
        self,
        *,
        places: Places,
        addressing: Addressing,
        opener: ThreadOpener,
        interactions: Interactions,
        intake: Intake,
        clock: Clock,
    ) -> None:
        self._places = places
        self._addressing = addressing
        self._opener = opener
        self._interactions = interactions
        self._intake = intake
        self._clock = clock
        self._lanes = Lanes()
        self._taken = Newest[str, Channel](MAX_TAKEN)
        """The channels of the messages that were handed in."""
        self.incomplete = False
        """Something was missed that has to be caught up with."""

    @property
    def idle(self) -> bool:
        """Everything that was heard has been handed in."""
        return self._lanes.empty

    def hear(self, event: str, data: Json) -> None:
        """An event of the gateway."""
        self._places.heard(event, data)
        match event:
            case "MESSAGE_CREATE":
                self._put(data, lambda: self.take(data, guild_id_of(data)))
            case "MESSAGE_UPDATE":
                self._put(data, lambda: self._edited(data))
            case "MESSAGE_DELETE":
                self._put(data, lambda: self._deleted(data, str(data["id"])))
            case "MESSAGE_DELETE_BULK":
                for message_id in data.get("ids") or ():
                    self._put(data, partial(self._deleted, data, str(message_id)))
            case "INTERACTION_CREATE":
                take = partial(self._interactions.take, data, self.hand_in)
                self._put({"channel_id": f"interaction {data['id']}"}, take)  # it can't wait

    async def take(self, data: Json, guild_id: str | None) -> bool:
        """Hand in what somebody said, if it is the bot's business; whether it is."""
        if not said_by_person(data):
            return False
        addressed = await self._addressed(data, guild_id)
        if addressed is None or (says_nothing(data) and not addressed.beyond_doubt):
            return False
        message = self._message(data, guild_id, addressed)
        if addressed.opens:
            self._opener.will_be_about(message.id, message.text)
        elif addressed.thread.id.startswith("t"):
            self._opener.is_open(str(data["channel_id"]))
        self._taken[message.id] = message.thread.channel
        await self.hand_in(MessageReceived(message))
        return True

    async def hand_in(self, event: Event) -> None:
        """Hand in an event, as often as it takes: Discord does not send it again."""
        pause_s = FIRST_RETRY_S
        while True:
            try:
                return await self._intake.receive(event)
            except IntakeUnavailable:
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_RETRY_S)

    async def aclose(self) -> None:
        """Hear no more."""
        await self._lanes.aclose()

    def names(self, data: Json) -> Names:
        """What is called how in a message, as far as is known."""
        guild = self._places.known_guild(guild_id_of(data))
        roles = guild.roles if guild is not None else {}
        return Names(
            users=user_names(data),
            role=lambda role_id: roles[role_id].name if role_id in roles else None,
            channel=self._channel_name,
        )

    def _channel_name(self, channel_id: str) -> str | None:
        place = self._places.known_place(channel_id)
        return None if place is None else place.name

    def _message(self, data: Json, guild_id: str | None, addressed: Addressed) -> Message:
        own = self._addressing.codes(guild_id) if addressed.beyond_doubt else ()
        return Message(
            thread=addressed.thread,
            id=str(data["id"]),
            author=person_of(data, self._places.known_guild(guild_id)),
            text=text_of(data, self.names({**data, "guild_id": guild_id}), own=own),
            sent_at=sent_at(data),
            addressed=addressed.beyond_doubt,
            attachments=attachments_of(data),
        )

    async def _addressed(self, data: Json, guild_id: str | None) -> Addressed | None:
        pause_s = FIRST_RETRY_S
        while True:
            try:
                return await self._addressing.of(data, guild_id)
            except IntakeUnavailable:
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_RETRY_S)

    async def _edited(self, data: Json) -> None:
        """A person changed a message; Discord's own changes, such as previews of links, are none."""
        if not data.get("edited_timestamp") or not said_by_person(data) or says_nothing(data):
            return
        guild_id, message_id = guild_id_of(data), str(data["id"])
        channel = self._taken.get(message_id)
        addressed = await self._addressed(data, guild_id)
        if addressed is not None:
            channel = addressed.thread.channel
        if channel is None:
            return
        text = text_of(
            data,
            self.names(data),
            own=self._addressing.codes(guild_id),
        )
        await self.hand_in(MessageEdited(channel, message_id, text, attachments_of(data)))

    async def _deleted(self, data: Json, message_id: str) -> None:
        channel = self._taken.pop(message_id, None)
        if channel is None:
            if self._clock.now() - snowflake_time(int(message_id)) > DELETIONS_FOR:
                return
            place = self._places.known_place(str(data["channel_id"]))
            is_thread = place is not None and place.is_thread
            parent = place.parent_id if place is not None and is_thread else None
            channel = channel_of(guild_id_of(data), parent or str(data["channel_id"]))
        await self.hand_in(MessageDeleted(channel, message_id))

    def _put(self, data: Json, work: Callable[[], Awaitable[object]]) -> None:
        if not self._lanes.put(str(data.get("channel_id")), work):
            if not self.incomplete:
                log.error("too many events wait; what is lost now is caught up with later")
            self.incomplete = True
