"""Interactions: slash commands, buttons, selects, context menus, modals; and the responses to them.

https://discord.com/developers/docs/interactions/receiving-and-responding
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from sandbox.discord.dispatch import Dispatch
from sandbox.discord.drafts import Draft, Upload, read_draft
from sandbox.discord.errors import refusal
from sandbox.discord.mentions import USER_MENTIONS
from sandbox.discord.message_payload import message_payload
from sandbox.discord.messages import Message, MessageFlag, MessageType, Version
from sandbox.discord.payloads import (
    Payload,
    channel_payload,
    user_payload,
    whole_member_payload,
)
from sandbox.discord.people import User
from sandbox.discord.places import Channel
from sandbox.discord.posting import Posting
from sandbox.discord.world import World

RESPOND_WITHIN_S: Final = 3.0
TOKEN_VALID_S: Final = 900.0
MAX_KEPT: Final = 10_000
MAX_FILE_BYTES: Final = 10 * 1024 * 1024


class InteractionType(IntEnum):
    """What a person did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class ResponseType(IntEnum):
    """What the bot answers at first."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


@dataclass(slots=True, kw_only=True)
class Interaction:
    """What a person did, and what came of it."""

    id: int
    token: str
    type: InteractionType
    user_id: int
    channel_id: int
    at: datetime
    data: Mapping[str, Any]
    source: Message | None = None
    """The message whose component was used."""
    response: ResponseType | None = None
    responded_at: datetime | None = None
    original: Message | None = None
    """The message that `@original` names."""
    followups: list[Message] = field(default_factory=list)
    modal: Mapping[str, Any] | None = None
    choices: tuple[Mapping[str, Any], ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the bot said to it, as far as it is not deleted."""
        said = [*([] if self.original is None else [self.original]), *self.followups]
        return tuple(each for each in said if each.deleted_at is None)


class Interactions:
    """All of them, and their verbs."""

    def __init__(
        self, world: World, posting: Posting, *, random_bits: Callable[[int], int]
    ) -> None:
        self._world = world
        self._posting = posting
        self._random_bits = random_bits
        self.all: dict[int, Interaction] = {}
        """The last ones, by id."""

    # What people do

    def begin(
        self,
        type_: InteractionType,
        *,
        user: User,
        channel: Channel,
        data: Mapping[str, Any],
        source: Message | None = None,
    ) -> Interaction:
        """A person does something; the bot is told."""
        interaction = Interaction(
            id=self._world.snowflakes.next(),
            token=f"{self._random_bits(256):064x}",
            type=type_,
            user_id=user.id,
            channel_id=channel.id,
            at=self._world.clock.now(),
            data=data,
            source=source,
        )
        self.all[interaction.id] = interaction
        if len(self.all) > MAX_KEPT:
            del self.all[next(iter(self.all))]
        payload = self._payload(interaction, user, channel)
        self._world.tell(
            Dispatch(name="INTERACTION_CREATE", data=payload, guild_id=channel.guild_id)
        )
        self._world.note("interaction", {"id": str(interaction.id), "user_id": str(user.id)})
        return interaction

    # What the bot does

    def respond(
        self, id_: int, token: str, body: Mapping[str, Any], uploads: tuple[Upload, ...]
    ) -> Interaction:
        """The first response.

        Raises:
            ApiError: 10062 if it is unknown or too late, 40060 if there was one already.
        """
        interaction = self.all.get(id_)
        now = self._world.clock.now()
        if interaction is None or interaction.token != token:
            raise refusal(10062)
        if interaction.response is not None:
            raise refusal(40060)
        if now - interaction.at > timedelta(seconds=RESPOND_WITHIN_S):
            raise refusal(10062)
        try:
            response = ResponseType(body.get("type") or 0)
        except ValueError:
            raise refusal(50035) from None
        self._act(interaction, response, body.get("data") or {}, uploads)
        interaction.response, interaction.responded_at = response, now
        self._world.note("responded", {"id": str(id_), "type": int(response)})
        return interaction

    def by_token(self, token: str) -> Interaction:
        """The interaction whose webhook is used.

        Raises:
            ApiError: 10015 before there was a response, 50027 after 15 minutes.
        """
        found = next((each for each in self.all.values() if each.token == token), None)
        if found is None or found.response is None:
            raise refusal(10015)
        if self._world.clock.now() - found.at > timedelta(seconds=TOKEN_VALID_S):
            raise refusal(50027)
        return found

    def follow_up(
        self, interaction: Interaction, body: Mapping[str, Any], uploads: tuple[Upload, ...]
    ) -> Message:
        """A further message; the first one fills in a deferred response."""
        original = interaction.original
        if original is not None and original.loading and original.deleted_at is None:
            return self.edit(original, body, uploads)
        message = self._post(interaction, self._draft(interaction, body, uploads))
        interaction.followups.append(message)
        return message

    def message(self, interaction: Interaction, ref: str) -> Message:
        """`@original`, or one of the messages by its id. Raises `ApiError`: 10008."""
        candidates = [*interaction.followups]
        if interaction.original is not None:
            candidates.append(interaction.original)
        for message in candidates:
            named = (
                message is interaction.original if ref == "@original" else str(message.id) == ref
            )
            if named and message.deleted_at is None:
                return message
        raise refusal(10008)

    def edit(
        self, message: Message, body: Mapping[str, Any], uploads: tuple[Upload, ...]
    ) -> Message:
        """Bring one of the messages to this body."""
        channel = self._world.channels[message.channel_id]
        attach = self._posting.attachment_maker(channel)
        draft = read_draft(body, uploads, attach=attach, base=message.now, mentions=USER_MENTIONS)
        self._posting.edit(message, draft)
        return message

    def _act(
        self,
        interaction: Interaction,
        response: ResponseType,
        data: Mapping[str, Any],
        uploads: tuple[Upload, ...],
    ) -> None:
        if response is ResponseType.MESSAGE:
            interaction.original = self._post(interaction, self._draft(interaction, data, uploads))
        elif response is ResponseType.DEFERRED_MESSAGE:
            interaction.original = self._defer(
                interaction, MessageFlag(int(data.get("flags") or 0))
            )
        elif response is ResponseType.AUTOCOMPLETE:
            interaction.choices = tuple(data.get("choices") or ())
        elif response is ResponseType.MODAL:
            interaction.modal = data
        else:
            if interaction.source is None:
                raise refusal(50035)
            interaction.original = interaction.source
            if response is ResponseType.UPDATE:
                self.edit(interaction.source, data, uploads)

    def _draft(
        self, interaction: Interaction, body: Mapping[str, Any], uploads: tuple[Upload, ...]
    ) -> Draft:
        channel = self._world.channels[interaction.channel_id]
        attach = self._posting.attachment_maker(channel)
        return read_draft(body, uploads, attach=attach, mentions=USER_MENTIONS)

    def _post(self, interaction: Interaction, draft: Draft) -> Message:
        channel = self._world.channels[interaction.channel_id]
        return self._posting.post(
            channel,
            self._world.bot.id,
            draft,
            type=_message_type(interaction),
            **self._fields(interaction, draft.flags),
        )

    def _defer(self, interaction: Interaction, flags: MessageFlag) -> Message:
        channel = self._world.channels[interaction.channel_id]
        shown = MessageFlag.LOADING | (flags & MessageFlag.EPHEMERAL)
        message = Message(
            id=self._world.snowflakes.next(),
            channel_id=channel.id,
            author_id=self._world.bot.id,
            type=_message_type(interaction),
            versions=[Version(at=self._world.clock.now(), flags=shown)],
            **self._fields(interaction, flags),
        )
        self._posting.show(channel, message)
        return message

    def _fields(self, interaction: Interaction, flags: MessageFlag) -> dict[str, Any]:
        return {
            "interaction_id": interaction.id,
            "interaction_type": int(interaction.type),
            "command_name": str(interaction.data.get("name", "")),
            "invoked_by": interaction.user_id,
            "webhook_id": self._world.application_id,
            "seen_by": interaction.user_id if MessageFlag.EPHEMERAL in flags else None,
        }

    def _payload(self, interaction: Interaction, user: User, channel: Channel) -> Payload:
        world = self._world
        guild = world.guild_of(channel)
        allowed = str(int(world.permissions_in(channel, user.id)))
        found: Payload = {
            "id": str(interaction.id),
            "application_id": str(world.application_id),
            "type": int(interaction.type),
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": {**channel_payload(world, channel), "permissions": allowed},
            "app_permissions": str(int(world.permissions_in(channel, world.bot.id))),
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": "0" if guild is None else str(guild.id)},
            "context": 1 if guild is None else 0,
            "attachment_size_limit": MAX_FILE_BYTES,
        }
        if interaction.source is not None:
            found["message"] = message_payload(world, interaction.source)
        if guild is None:
            return found | {"user": user_payload(user)}
        member = {**whole_member_payload(world, guild.members[user.id]), "permissions": allowed}
        return found | {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "guild_locale": "en-US",
            "member": member,
        }


def _message_type(interaction: Interaction) -> MessageType:
    if interaction.type is not InteractionType.COMMAND:
        return MessageType.DEFAULT
    if interaction.data.get("type", 1) == 1:
        return MessageType.CHAT_INPUT_COMMAND
    return MessageType.CONTEXT_MENU_COMMAND
