"""What people do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.discord.command_options import message_target, slash_data, user_target
from sandbox.discord.commands import Commands, CommandType
from sandbox.discord.drafts import Draft, Reference, Upload
from sandbox.discord.errors import measure
from sandbox.discord.interactions import Interaction, Interactions, InteractionType
from sandbox.discord.mentions import ALL_MENTIONS
from sandbox.discord.messages import Message, MessageFlag, MessageType, Part, walk_components
from sandbox.discord.people import User
from sandbox.discord.permissions import Permission
from sandbox.discord.places import Channel
from sandbox.discord.posting import Posting
from sandbox.discord.world import Impossible, World

MAX_CONTENT = 4_000
"""With Nitro; others have half of it (https://support.discord.com/hc/en-us/articles/115000435108)."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody sends."""

    name: str
    content: bytes
    content_type: str = ""


class Acting:
    """The verbs of people. Each raises `Impossible` where a person could not do it."""

    def __init__(
        self, world: World, posting: Posting, interactions: Interactions, commands: Commands
    ) -> None:
        self._world = world
        self._posting = posting
        self._interactions = interactions
        self._commands = commands

    def say(
        self,
        text: str,
        *,
        by: User,
        channel: Channel,
        reply_to: Message | None = None,
        ping_reply: bool = True,
        attachments: Sequence[File] = (),
        mention: bool = False,
    ) -> Message:
        """Somebody says something; with `mention` it begins with a mention of the bot."""
        wanted = Permission.SEND_MESSAGES
        if channel.is_thread:
            wanted = Permission.SEND_MESSAGES_IN_THREADS
        self._check(by, channel, wanted)
        _check_length(text)
        text = f"{self._world.bot.mention} {text}" if mention else text
        return self._posting.post(
            channel, by.id, self._draft(text, channel, reply_to, ping_reply, attachments)
        )

    def edit(self, message: Message, text: str) -> None:
        """The author changes the text."""
        self._check_there(message)
        if self._world.users[message.author_id].is_bot:
            raise Impossible("nobody edits what a bot said")
        _check_length(text)
        now = message.now
        draft = Draft(
            content=text,
            embeds=now.embeds,
            components=now.components,
            attachments=now.attachments,
            flags=now.flags,
            allowed=ALL_MENTIONS,
        )
        self._posting.edit(message, draft)

    def delete(self, message: Message) -> None:
        """Somebody deletes a message, of whomever."""
        self._check_there(message)
        self._posting.delete(message)

    def react(self, message: Message, emoji: str, *, by: User, add: bool = True) -> None:
        """Somebody reacts, or takes the reaction back."""
        self._check_there(message)
        channel = self._world.channels[message.channel_id]
        self._check(by, channel, Permission.ADD_REACTIONS)
        self._posting.react(message, by.id, emoji, add=add)

    def unfurl(self, message: Message, url: str, *, title: str) -> None:
        """Discord looks at a link in a message and adds a preview, which is no edit."""
        self._check_there(message)
        preview = {"type": "link", "url": url, "title": title}
        self._posting.update(message, embeds=(*message.now.embeds, preview))

    def post_as_webhook(self, text: str, *, name: str, channel: Channel) -> Message:
        """A webhook of another service says something."""
        known = [each for each in self._world.users.values() if each.is_bot and each.name == name]
        sender = known[0] if known else self._world.add_user(name, is_bot=True)
        draft = self._draft(text, channel, None, False, ())
        return self._posting.post(channel, sender.id, draft, webhook_id=sender.id)

    def welcome(self, user: User, channel: Channel) -> Message:
        """Discord itself says that somebody joined."""
        draft = self._draft("", channel, None, False, ())
        return self._posting.post(channel, user.id, draft, type=MessageType.USER_JOIN)

    def type_in(self, channel: Channel, *, by: User) -> None:
        """Somebody types."""
        self._check(by, channel, Permission.SEND_MESSAGES)
        self._posting.type_in(channel, by.id)

    def press(self, message: Message, button: str, *, by: User) -> Interaction:
        """Somebody presses a button, by its custom id or label."""
        self._check_there(message, by)
        for part in message.buttons:
            if button in (part.get("custom_id"), part.get("label")):
                if part.get("disabled"):
                    raise Impossible(f"the button {button!r} is disabled")
                return self._use(message, part, {}, by)
        shown = [part.get("label") for part in message.buttons]
        raise Impossible(f"message {message.id} has no button {button!r}, but {shown}")

    def choose(
        self, message: Message, custom_id: str, values: Sequence[str], *, by: User
    ) -> Interaction:
        """Somebody chooses in a select."""
        self._check_there(message, by)
        for part in walk_components(message.now.components):
            if part.get("custom_id") == custom_id and part.get("type") != 2:
                return self._use(message, part, {"values": list(values)}, by)
        raise Impossible(f"message {message.id} has no select {custom_id!r}")

    def slash(
        self, name: str, options: Mapping[str, Any], *, by: User, channel: Channel
    ) -> Interaction:
        """Somebody runs a slash command; a subcommand is written `group sub`."""
        self._check(by, channel, Permission.USE_APPLICATION_COMMANDS)
        first, *inner = name.removeprefix("/").split()
        command = self._commands.find(first, CommandType.CHAT_INPUT, channel.guild_id)
        data = slash_data(self._world, command, inner, options, channel)
        return self._interactions.begin(
            InteractionType.COMMAND, user=by, channel=channel, data=data
        )

    def autocomplete(
        self, name: str, option: str, typed: str, *, by: User, channel: Channel
    ) -> Interaction:
        """Somebody types in an option that offers choices."""
        first, *inner = name.removeprefix("/").split()
        command = self._commands.find(first, CommandType.CHAT_INPUT, channel.guild_id)
        data = slash_data(self._world, command, inner, {option: typed}, channel, focused=option)
        return self._interactions.begin(
            InteractionType.AUTOCOMPLETE, user=by, channel=channel, data=data
        )

    def context_menu(
        self, name: str, target: Message | User, *, by: User, channel: Channel
    ) -> Interaction:
        """Somebody runs a command of the context menu of a message or a user."""
        self._check(by, channel, Permission.USE_APPLICATION_COMMANDS)
        if isinstance(target, Message):
            command = self._commands.find(name, CommandType.MESSAGE, channel.guild_id)
            data = message_target(self._world, command, target)
        else:
            command = self._commands.find(name, CommandType.USER, channel.guild_id)
            data = user_target(command, target)
        return self._interactions.begin(
            InteractionType.COMMAND, user=by, channel=channel, data=data
        )

    def submit(self, interaction: Interaction, values: Mapping[str, str]) -> Interaction:
        """The person fills in the modal that the bot showed."""
        if interaction.modal is None:
            raise Impossible("the bot showed no modal")
        rows = [
            {"type": 1, "components": [{"type": 4, "custom_id": name, "value": value}]}
            for name, value in values.items()
        ]
        return self._interactions.begin(
            InteractionType.MODAL,
            user=self._world.users[interaction.user_id],
            channel=self._world.channels[interaction.channel_id],
            data={"custom_id": interaction.modal["custom_id"], "components": rows},
            source=interaction.source,
        )

    def _use(self, message: Message, part: Part, more: Mapping[str, Any], by: User) -> Interaction:
        data = {"custom_id": part["custom_id"], "component_type": part["type"], **more}
        return self._interactions.begin(
            InteractionType.COMPONENT,
            user=by,
            channel=self._world.channels[message.channel_id],
            data=data,
            source=message,
        )

    def _draft(
        self,
        text: str,
        channel: Channel,
        reply_to: Message | None,
        ping_reply: bool,
        files: Sequence[File],
    ) -> Draft:
        attach = self._posting.attachment_maker(channel)
        uploads = [
            Upload(
                key="",
                filename=file.name,
                content_type=file.content_type,
                content=file.content,
            )
            for file in files
        ]
        return Draft(
            content=text,
            embeds=(),
            components=(),
            attachments=tuple(attach(upload, None) for upload in uploads),
            flags=MessageFlag(0),
            allowed=replace(ALL_MENTIONS, replied_user=ping_reply),
            reference=None if reply_to is None else Reference(message_id=reply_to.id),
        )

    def _check(self, by: User, channel: Channel, wanted: Permission) -> None:
        if not self._world.may(by.id, channel, wanted):
            raise Impossible(f"{by.name} may not do that in {channel.name or 'that DM'}")

    def _check_there(self, message: Message, by: User | None = None) -> None:
        if message.deleted_at is not None:
            raise Impossible(f"message {message.id} was deleted")
        if by is not None and message.seen_by not in (None, by.id):
            raise Impossible(f"{by.name} does not see message {message.id}")


def _check_length(text: str) -> None:
    if measure(text) > MAX_CONTENT:
        raise Impossible(f"nobody can write more than {MAX_CONTENT:,} characters")
