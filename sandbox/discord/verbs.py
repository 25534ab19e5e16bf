"""What people do and see in the simulated Discord.

Users, channels and messages are named by themselves, by their ids, or users and channels by name.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sandbox.discord.acting import Acting, File
from sandbox.discord.interactions import Interaction
from sandbox.discord.messages import Message, Pinged
from sandbox.discord.people import User
from sandbox.discord.places import Channel, ChannelType, Guild
from sandbox.discord.service import Service
from sandbox.discord.world import ChannelRef, UserRef, World

MessageRef = Message | int | str

TYPING_S = 10.0
"""https://discord.com/developers/docs/resources/channel#trigger-typing-indicator"""


class Verbs:
    """Each raises `Impossible` where a person could not do it, `NotThere` for what is not there."""

    def __init__(self, service: Service, guild: Guild) -> None:
        self._service = service
        self.guild = guild
        """The guild that it is about."""
        self._acting = Acting(
            service.world, service.posting, service.interactions, service.commands
        )

    @property
    def world(self) -> World:
        """Guilds, people and channels."""
        return self._service.world

    @property
    def bot(self) -> User:
        """The bot's account."""
        return self.world.bot

    # What people do

    def say(
        self,
        text: str,
        *,
        by: UserRef = "ada",
        channel: ChannelRef = "general",
        direct: bool = False,
        reply_to: MessageRef | None = None,
        ping_reply: bool = True,
        attachments: Sequence[File] = (),
        mention: bool = False,
    ) -> Message:
        """Somebody says something in a channel, or to the bot in a `direct` message."""
        user = self.world.user(by)
        return self._acting.say(
            text,
            by=user,
            channel=self.world.dm(user) if direct else self.world.channel(channel),
            reply_to=None if reply_to is None else self.world.message(reply_to),
            ping_reply=ping_reply,
            attachments=attachments,
            mention=mention,
        )

    def edit(self, message: MessageRef, text: str) -> None:
        """The author changes the text of a message."""
        self._acting.edit(self.world.message(message), text)

    def delete(self, message: MessageRef) -> None:
        """Somebody deletes a message, of whomever."""
        self._acting.delete(self.world.message(message))

    def react(
        self, message: MessageRef, emoji: str, *, by: UserRef = "ada", add: bool = True
    ) -> None:
        """Somebody reacts, or takes the reaction back."""
        self._acting.react(self.world.message(message), emoji, by=self.world.user(by), add=add)

    def type_in(self, channel: ChannelRef = "general", *, by: UserRef = "ada") -> None:
        """Somebody types."""
        self._acting.type_in(self.world.channel(channel), by=self.world.user(by))

    def press(self, message: MessageRef, button: str, *, by: UserRef = "ada") -> Interaction:
        """Somebody presses a button, by its custom id or label."""
        return self._acting.press(self.world.message(message), button, by=self.world.user(by))

    def choose(
        self, message: MessageRef, custom_id: str, *values: str, by: UserRef = "ada"
    ) -> Interaction:
        """Somebody chooses in a select."""
        chosen = self.world.message(message)
        return self._acting.choose(chosen, custom_id, values, by=self.world.user(by))

    def slash(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        by: UserRef = "ada",
        channel: ChannelRef = "general",
        direct: bool = False,
    ) -> Interaction:
        """Somebody runs a slash command; a subcommand is written `group sub`."""
        user = self.world.user(by)
        where = self.world.dm(user) if direct else self.world.channel(channel)
        return self._acting.slash(name, options or {}, by=user, channel=where)

    def autocomplete(
        self,
        name: str,
        option: str,
        typed: str,
        *,
        by: UserRef = "ada",
        channel: ChannelRef = "general",
    ) -> Interaction:
        """Somebody types in an option that offers choices; they come as `choices`."""
        user, where = self.world.user(by), self.world.channel(channel)
        return self._acting.autocomplete(name, option, typed, by=user, channel=where)

    def context_menu(
        self,
        name: str,
        target: Message | User,
        *,
        by: UserRef = "ada",
        channel: ChannelRef = "general",
    ) -> Interaction:
        """Somebody runs a command of the context menu of a message, or of a user in a channel."""
        where = self.world.channel(target.channel_id if isinstance(target, Message) else channel)
        return self._acting.context_menu(name, target, by=self.world.user(by), channel=where)

    def submit(self, interaction: Interaction, values: Mapping[str, str]) -> Interaction:
        """The person fills in the modal that the bot showed."""
        return self._acting.submit(interaction, values)

    def unfurl(self, message: MessageRef, url: str, *, title: str = "A page") -> None:
        """Discord adds a preview of a link to a message, which is no edit."""
        self._acting.unfurl(self.world.message(message), url, title=title)

    def post_as_webhook(
        self, text: str, *, name: str = "robot", channel: ChannelRef = "general"
    ) -> Message:
        """A webhook of another service says something."""
        return self._acting.post_as_webhook(text, name=name, channel=self.world.channel(channel))

    def join(self, name: str, *, channel: ChannelRef = "general", is_bot: bool = False) -> User:
        """Somebody new joins the guild, which Discord says in a channel."""
        user = self.world.add_user(name, is_bot=is_bot)
        self._service.housekeeping.join(self.guild, user)
        self._acting.welcome(user, self.world.channel(channel))
        return user

    def open_thread(
        self,
        name: str,
        *,
        by: UserRef = "ada",
        message: MessageRef | None = None,
        channel: ChannelRef = "general",
        private: bool = False,
    ) -> Channel:
        """Somebody opens a thread, on a message or without one."""
        owner, threads = self.world.user(by), self._service.threads
        if message is not None:
            return threads.start_from(self.world.message(message), name, owner=owner)
        return threads.start(self.world.channel(channel), name, owner=owner, private=private)

    def archive(self, thread: ChannelRef, *, locked: bool = False) -> None:
        """A thread is archived."""
        changes = {"archived": True, "locked": locked}
        self._service.threads.change(self.world.channel(thread), changes)

    def add_channel(self, name: str, *, type: ChannelType = ChannelType.TEXT) -> Channel:  # noqa: A002
        """A new channel in the guild."""
        channel = self.world.add_channel(self.guild, name, type=type)
        self._service.housekeeping.created(channel)
        return channel

    def delete_channel(self, channel: ChannelRef) -> None:
        """A channel or thread is deleted with all that was said in it."""
        found = self.world.channel(channel)
        if found.is_thread:
            self._service.threads.delete(found)
        else:
            self._service.housekeeping.delete_channel(found)

    def remove_bot(self, guild: Guild | None = None) -> None:
        """The bot is thrown out of the guild."""
        self._service.housekeeping.leave(guild or self.guild, self.bot)

    def add_bot(self, guild: Guild | None = None) -> None:
        """The bot is let in (again)."""
        self._service.housekeeping.join(guild or self.guild, self.bot)

    def guild_outage(self, *, over: bool = False) -> None:
        """The guild is not available for a while, or is again."""
        self._service.housekeeping.outage(self.guild, over=over)

    def close_dm(self, user: UserRef, *, closed: bool = True) -> None:
        """Somebody no longer takes direct messages from the bot."""
        self.world.user(user).takes_dms = not closed

    def revoke_token(self, *, revoked: bool = True) -> None:
        """The bot's token is no longer good, or good again; connections stay open."""
        self._service.token_is_valid = not revoked

    # What people see

    def dm(self, user: UserRef = "ada") -> Channel:
        """The direct message between a user and the bot."""
        return self.world.dm(user)

    def messages(
        self, channel: ChannelRef = "general", *, by: UserRef | None = None
    ) -> tuple[Message, ...]:
        """All messages of a channel, with deleted and ephemeral ones, oldest first; all or somebody's."""
        author = None if by is None else self.world.user(by).id
        found = self.world.channel(channel).messages.values()
        return tuple(each for each in found if author in (None, each.author_id))

    def visible(
        self, channel: ChannelRef = "general", *, to: UserRef | None = None
    ) -> tuple[str, ...]:
        """The texts that people see there, oldest first, and the ephemeral ones that are shown `to` one."""
        person = None if to is None else self.world.user(to).id
        return tuple(
            message.content
            for message in self.messages(channel)
            if message.deleted_at is None and message.seen_by in (None, person)
        )

    def typing(self, channel: ChannelRef = "general") -> tuple[str, ...]:
        """Who is seen to be typing there: who said so in the last ten seconds, and nothing since."""
        now = self._service.clock.now()
        return tuple(
            self.world.users[user_id].display_name
            for user_id, at in self.world.channel(channel).typing
            if now - at < timedelta(seconds=TYPING_S)
        )

    def pings(self, *, by: UserRef | None = None) -> tuple[Pinged, ...]:
        """Whom the bot's (or somebody's) posts and edits would ping or mark, by every version."""
        author = self.bot.id if by is None else self.world.user(by).id
        return tuple(
            version.pinged
            for channel in self.world.channels.values()
            for message in channel.messages.values()
            if message.author_id == author
            for version in message.versions
            if version.pinged
        )
