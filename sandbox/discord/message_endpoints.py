"""The endpoints of messages, reactions and typing.

https://discord.com/developers/docs/resources/message
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.discord.bodies import read_with_files
from sandbox.discord.drafts import Draft, read_draft
from sandbox.discord.errors import FormErrors, refusal
from sandbox.discord.front import API, answer, nothing
from sandbox.discord.intents import Intents, without_content
from sandbox.discord.message_payload import message_payload
from sandbox.discord.messages import WRITTEN, Message, MessageFlag
from sandbox.discord.payloads import user_payload
from sandbox.discord.permissions import NOTHING, Permission
from sandbox.discord.places import Channel, ChannelType
from sandbox.discord.service import Service

_CHANNEL = f"{API}/channels/{{channel_id}}"
_MESSAGES = f"{_CHANNEL}/messages"
_MESSAGE = f"{_MESSAGES}/{{message_id}}"
_REACTIONS = f"{_MESSAGE}/reactions/{{emoji}}"


class MessageEndpoints:
    """What a bot does with messages."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._world = service.world
        self._posting = service.posting

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get(_MESSAGES, self.history),
            web.post(_MESSAGES, self.post),
            web.get(_MESSAGE, self.get),
            web.patch(_MESSAGE, self.edit),
            web.delete(_MESSAGE, self.delete),
            web.post(f"{_CHANNEL}/typing", self.typing),
            web.get(_REACTIONS, self.reactors),
            web.put(f"{_REACTIONS}/@me", self.react),
            web.delete(f"{_REACTIONS}/{{user_id}}", self.unreact),
        ]

    async def post(self, request: web.Request) -> web.Response:
        """POST …/messages"""
        channel = self._channel(request)
        body, uploads = await read_with_files(request, self._service.log)
        self._check_may_send(channel)
        draft = read_draft(body, uploads, attach=self._posting.attachment_maker(channel))
        self._check_may_send_this(channel, draft)
        if MessageFlag.EPHEMERAL in draft.flags:
            raise refusal(50035)
        message = self._posting.post(channel, self._world.bot.id, draft)
        return answer(message_payload(self._world, message))

    async def edit(self, request: web.Request) -> web.Response:
        """PATCH …/messages/{id}"""
        channel, message = self._message(request)
        body, uploads = await read_with_files(request, self._service.log)
        if message.author_id != self._world.bot.id:
            return self._change_flags(channel, message, body)
        if message.type not in WRITTEN:
            raise refusal(50021)
        attach = self._posting.attachment_maker(channel)
        self._posting.edit(message, read_draft(body, uploads, attach=attach, base=message.now))
        return answer(message_payload(self._world, message))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE …/messages/{id}"""
        channel, message = self._message(request)
        if message.author_id != self._world.bot.id:
            if channel.is_direct:
                raise refusal(50003)
            self._world.bot_channel(channel.id, Permission.MANAGE_MESSAGES)
        self._posting.delete(message)
        return nothing()

    async def get(self, request: web.Request) -> web.Response:
        """GET …/messages/{id}"""
        channel, message = self._message(request)
        self._world.bot_channel(channel.id, Permission.READ_MESSAGE_HISTORY)
        return answer(self._shown(channel, message))

    async def history(self, request: web.Request) -> web.Response:
        """GET …/messages: newest first; without the permission to read it, none."""
        channel = self._channel(request)
        if not self._world.may(self._world.bot.id, channel, Permission.READ_MESSAGE_HISTORY):
            return answer([])
        found = _page(list(channel.shown), request)
        return answer([self._shown(channel, message) for message in reversed(found)])

    async def typing(self, request: web.Request) -> web.Response:
        """POST …/typing"""
        channel = self._channel(request)
        self._check_may_send(channel)
        self._posting.type_in(channel, self._world.bot.id)
        return nothing()

    async def react(self, request: web.Request) -> web.Response:
        """PUT …/reactions/{emoji}/@me"""
        channel, message = self._message(request)
        emoji = _emoji(request)
        wanted = Permission.READ_MESSAGE_HISTORY
        if emoji not in message.reactions:
            wanted |= Permission.ADD_REACTIONS
        self._world.bot_channel(channel.id, wanted)
        self._posting.react(message, self._world.bot.id, emoji, add=True)
        return nothing()

    async def unreact(self, request: web.Request) -> web.Response:
        """DELETE …/reactions/{emoji}/{user}"""
        channel, message = self._message(request)
        user_id = request.match_info["user_id"]
        if user_id == "@me":
            user_id = str(self._world.bot.id)
        elif user_id != str(self._world.bot.id):
            self._world.bot_channel(channel.id, Permission.MANAGE_MESSAGES)
        self._posting.react(message, int(user_id), _emoji(request), add=False)
        return nothing()

    async def reactors(self, request: web.Request) -> web.Response:
        """GET …/reactions/{emoji}"""
        _, message = self._message(request)
        users = [self._world.users[each] for each in message.reactions.get(_emoji(request), [])]
        return answer([user_payload(user) for user in users])

    def _change_flags(
        self, channel: Channel, message: Message, body: Mapping[str, Any]
    ) -> web.Response:
        """All that can be changed of what others wrote, and only with a permission."""
        if set(body) != {"flags"}:
            raise refusal(50005)
        self._world.bot_channel(channel.id, Permission.MANAGE_MESSAGES)
        wanted = MessageFlag(int(body["flags"])) & MessageFlag.SUPPRESS_EMBEDS
        kept = message.now.flags & ~MessageFlag.SUPPRESS_EMBEDS
        self._posting.update(message, flags=kept | wanted)
        return answer(message_payload(self._world, message))

    def _channel(self, request: web.Request) -> Channel:
        return self._world.bot_channel(id_in(request, "channel_id"))

    def _message(self, request: web.Request) -> tuple[Channel, Message]:
        channel = self._channel(request)
        message = channel.messages.get(id_in(request, "message_id"))
        if message is None or message.deleted_at is not None or message.ephemeral:
            raise refusal(10008)
        return channel, message

    def _check_may_send(self, channel: Channel) -> None:
        if channel.type is ChannelType.FORUM:
            raise refusal(40058)
        if channel.is_direct:
            if not all(self._world.users[each].takes_dms for each in channel.recipient_ids):
                raise refusal(50007)
            return
        wanted = Permission.SEND_MESSAGES
        if channel.is_thread:
            wanted = Permission.SEND_MESSAGES_IN_THREADS
        self._world.bot_channel(channel.id, wanted)

    def _check_may_send_this(self, channel: Channel, draft: Draft) -> None:
        wanted = NOTHING
        if draft.attachments:
            wanted |= Permission.ATTACH_FILES
        if draft.embeds:
            wanted |= Permission.EMBED_LINKS
        self._world.bot_channel(channel.id, wanted)
        may_read = self._world.may(self._world.bot.id, channel, Permission.READ_MESSAGE_HISTORY)
        if draft.reference is not None and not may_read:
            raise refusal(160002)

    def _shown(self, channel: Channel, message: Message) -> Any:
        """A message as REST shows it to a bot that was not granted the message content."""
        payload = message_payload(self._world, message)
        granted = Intents(self._service.gateway.rules.granted)
        if channel.guild_id is None or Intents.MESSAGE_CONTENT in granted:
            return payload
        return without_content(payload, self._world.bot.id)


def id_in(request: web.Request, name: str) -> int:
    """An id in the path. Raises the 50035 of something else."""
    value = request.match_info[name]
    if not value.isdigit():
        errors = FormErrors()
        errors.add(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        errors.finish()
    return int(value)


def _emoji(request: web.Request) -> str:
    emoji = request.match_info["emoji"]
    if emoji.isascii():  # a custom emoji, of which there are none here, or no emoji at all
        raise refusal(10014)
    return emoji


def _page(messages: list[Message], request: web.Request) -> list[Message]:
    """The part of the messages, oldest first, that a query wants."""
    given = {
        name: request.query[name]
        for name in ("limit", "before", "after", "around")
        if name in request.query
    }
    errors = FormErrors()
    for name, value in given.items():
        if not value.isdigit():
            errors.add(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
    limit = int(given.get("limit", 50)) if given.get("limit", "50").isdigit() else 0
    if not 1 <= limit <= 100:
        errors.add("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
    errors.finish()
    if "around" in given:
        middle = int(given["around"])
        older = [message for message in messages if message.id < middle][-(limit // 2) :]
        newer = [message for message in messages if message.id >= middle][: limit - len(older)]
        return older + newer
    if "after" in given:
        return [message for message in messages if message.id > int(given["after"])][:limit]
    if "before" in given:
        messages = [message for message in messages if message.id < int(given["before"])]
    return messages[-limit:]
