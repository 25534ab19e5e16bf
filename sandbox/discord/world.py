"""Everything there is in the simulated Discord: guilds, people, channels; and who may do what."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.vocabulary import Clock
from sandbox.discord.dispatch import Dispatch
from sandbox.discord.errors import refusal
from sandbox.discord.messages import Message
from sandbox.discord.people import Member, Role, User
from sandbox.discord.permissions import ALL, EVERYDAY, IN_DIRECT_MESSAGES, NOTHING, Permission
from sandbox.discord.places import THREADS, Channel, ChannelType, Guild, Overwrite, ThreadState
from sandbox.discord.snowflakes import Snowflakes

UserRef = User | int | str
"""A user, its id or its name."""

ChannelRef = Channel | int | str
"""A channel, its id or its name."""


class Impossible(Exception):
    """Nobody could do that in Discord; the message says why."""


class NotThere(Impossible):
    """The world has no such thing; the message says which."""


class World:
    """The state, and finding one's way in it.

    `tell` is called with every event that a bot could be told, `note` with everything that happens,
    for those who look on.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        tell: Callable[[Dispatch], None],
        note: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self.clock = clock
        self.snowflakes = Snowflakes(clock)
        self.tell = tell
        self.note = note
        self.address = ""
        """Where files are served."""
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.application_id = self.snowflakes.next()
        self.bot = User(id=self.application_id, name="parley", display_name="Parley", is_bot=True)
        self.users[self.bot.id] = self.bot

    # What there is

    def add_user(self, name: str, *, display_name: str = "", is_bot: bool = False) -> User:
        """A new account, in no guild yet."""
        user = User(
            id=self.snowflakes.next(), name=name, display_name=display_name or name, is_bot=is_bot
        )
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, *, owner: User) -> Guild:
        """A new guild with its owner; the bot is not in it yet."""
        guild = Guild(id=self.snowflakes.next(), name=name, owner_id=owner.id)
        guild.roles[guild.id] = Role(id=guild.id, name="@everyone", permissions=EVERYDAY)
        self.guilds[guild.id] = guild
        self.add_member(guild, owner)
        return guild

    def add_role(
        self,
        guild: Guild,
        name: str,
        *,
        permissions: Permission = NOTHING,
        mentionable: bool = False,
    ) -> Role:
        """A new role that nobody has yet."""
        role = Role(
            id=self.snowflakes.next(),
            name=name,
            permissions=permissions,
            mentionable=mentionable,
            position=len(guild.roles),
        )
        guild.roles[role.id] = role
        return role

    def add_member(self, guild: Guild, user: User, *roles: Role) -> Member:
        """Somebody joins; a bot with a role of its own."""
        if user.is_bot:
            roles = (*roles, self._role_of_bot(guild, user))
        member = Member(
            user_id=user.id, joined_at=self.clock.now(), role_ids=[role.id for role in roles]
        )
        guild.members[user.id] = member
        return member

    def _role_of_bot(self, guild: Guild, user: User) -> Role:
        for role in guild.roles.values():
            if role.of_bot_id == user.id:
                return role
        role = self.add_role(guild, user.display_name)
        role.of_bot_id = user.id
        return role

    def add_channel(
        self,
        guild: Guild,
        name: str,
        *,
        type: ChannelType = ChannelType.TEXT,  # noqa: A002 - Discord's own name
        topic: str | None = None,
        overwrites: tuple[Overwrite, ...] = (),
    ) -> Channel:
        """A new channel of a guild."""
        channel = Channel(
            id=self.snowflakes.next(),
            type=type,
            name=name,
            guild_id=guild.id,
            topic=topic,
            position=len(guild.channel_ids),
            overwrites=list(overwrites),
        )
        guild.channel_ids.append(channel.id)
        self.channels[channel.id] = channel
        return channel

    def add_thread(
        self,
        parent: Channel,
        name: str,
        *,
        owner: User,
        type: ChannelType,  # noqa: A002 - Discord's own name
        id: int | None = None,  # noqa: A002
    ) -> Channel:
        """A new thread; its owner has joined it."""
        now = self.clock.now()
        thread = Channel(
            id=id or self.snowflakes.next(),
            type=type,
            name=name,
            guild_id=parent.guild_id,
            parent_id=parent.id,
            thread=ThreadState(owner_id=owner.id, created_at=now, member_ids={owner.id: now}),
        )
        self.channels[thread.id] = thread
        return thread

    def dm(self, user: UserRef) -> Channel:
        """The direct message between a user and the bot, opened if need be."""
        person = self.user(user)
        for channel in self.channels.values():
            if channel.is_direct and channel.recipient_ids == (person.id,):
                return channel
        channel = Channel(
            id=self.snowflakes.next(), type=ChannelType.DM, recipient_ids=(person.id,)
        )
        self.channels[channel.id] = channel
        return channel

    # Finding

    def user(self, ref: UserRef) -> User:
        """The user. Raises `NotThere`."""
        if isinstance(ref, User):
            return ref
        if (known := self.users.get(_as_id(ref))) is not None:
            return known
        for user in self.users.values():
            if ref in (user.name, user.display_name):
                return user
        raise NotThere(f"there is no user {ref!r}")

    def channel(self, ref: ChannelRef) -> Channel:
        """The channel. Raises `NotThere`."""
        if isinstance(ref, Channel):
            return ref
        if (known := self.channels.get(_as_id(ref))) is not None:
            return known
        for channel in self.channels.values():
            if channel.name and channel.name == str(ref).removeprefix("#"):
                return channel
        raise NotThere(f"there is no channel {ref!r}")

    def message(self, ref: Message | int | str) -> Message:
        """The message, even a deleted one. Raises `NotThere`."""
        if isinstance(ref, Message):
            return ref
        for channel in self.channels.values():
            found = channel.messages.get(_as_id(ref))
            if found is not None:
                return found
        raise NotThere(f"there is no message {ref}")

    def guild_of(self, channel: Channel) -> Guild | None:
        """The guild that a channel is in; None for a direct message."""
        return None if channel.guild_id is None else self.guilds[channel.guild_id]

    def threads_of(self, guild: Guild) -> Iterator[Channel]:
        """The guild's threads, archived ones too."""
        return (
            channel
            for channel in self.channels.values()
            if channel.guild_id == guild.id and channel.type in THREADS
        )

    def bot_guilds(self) -> list[Guild]:
        """The guilds that the bot is in."""
        return [guild for guild in self.guilds.values() if self.bot.id in guild.members]

    # Permissions

    def permissions_in(self, channel: Channel, user_id: int) -> Permission:
        """What somebody may do in a channel."""
        guild = self.guild_of(channel)
        if guild is None:
            there = user_id in (*channel.recipient_ids, self.bot.id)
            return IN_DIRECT_MESSAGES if there else NOTHING
        base = self.permissions_of(guild, user_id)
        if Permission.ADMINISTRATOR in base or not base:
            return base
        of_channel = channel if channel.parent_id is None else self.channels[channel.parent_id]
        found = _overwritten(base, of_channel, guild, guild.members[user_id])
        return found if self._sees_thread(channel, user_id, found) else NOTHING

    def permissions_of(self, guild: Guild, user_id: int) -> Permission:
        """What somebody may do in a guild, channels aside; nothing if they are not in it."""
        member = guild.members.get(user_id)
        if member is None:
            return NOTHING
        found = guild.roles[guild.id].permissions
        for role_id in member.role_ids:
            found |= guild.roles[role_id].permissions
        everything = user_id == guild.owner_id or Permission.ADMINISTRATOR in found
        return ALL if everything else found

    def is_admin(self, guild: Guild, user: User) -> bool:
        """Whether a user may do everything in the guild."""
        return Permission.ADMINISTRATOR in self.permissions_of(guild, user.id)

    def may(self, user_id: int, channel: Channel, wanted: Permission) -> bool:
        """Whether somebody may do all of that; without seeing the channel one may do nothing there."""
        return (wanted | Permission.VIEW_CHANNEL) in self.permissions_in(channel, user_id)

    def viewers(self, channel: Channel) -> frozenset[int]:
        """Who sees a channel."""
        guild = self.guild_of(channel)
        candidates = (*channel.recipient_ids, self.bot.id) if guild is None else guild.members
        return frozenset(
            each for each in candidates if self.may(each, channel, Permission.VIEW_CHANNEL)
        )

    def bot_channel(self, channel_id: int, wanted: Permission = NOTHING) -> Channel:
        """The channel, if the bot may do that there.

        Raises:
            ApiError: 10003, 50001 or 50013, as Discord says it.
        """
        channel = self.channels.get(channel_id)
        if channel is None:
            raise refusal(10003)
        if not self.may(self.bot.id, channel, Permission.VIEW_CHANNEL):
            raise refusal(50001)
        if not self.may(self.bot.id, channel, wanted):
            raise refusal(50013)
        return channel

    def bot_guild(self, guild_id: int) -> Guild:
        """The guild, if the bot is in it. Raises `ApiError`: 10004."""
        guild = self.guilds.get(guild_id)
        if guild is None or self.bot.id not in guild.members:
            raise refusal(10004)
        return guild

    def _sees_thread(self, channel: Channel, user_id: int, found: Permission) -> bool:
        if channel.type is not ChannelType.PRIVATE_THREAD or channel.thread is None:
            return True
        return user_id in channel.thread.member_ids or Permission.MANAGE_THREADS in found


def _as_id(ref: int | str) -> int:
    """The id that a reference is; 0, which nothing has, for a name."""
    return ref if isinstance(ref, int) else int(ref) if ref.isdigit() else 0


def _overwritten(base: Permission, channel: Channel, guild: Guild, member: Member) -> Permission:
    """https://discord.com/developers/docs/topics/permissions#permission-overwrites"""
    rules = {rule.id: rule for rule in channel.overwrites}
    if (rule := rules.get(guild.id)) is not None:
        base = (base & ~rule.deny) | rule.allow
    mine = [rules[role_id] for role_id in member.role_ids if role_id in rules]
    for rule in mine:
        base &= ~rule.deny
    for rule in mine:
        base |= rule.allow
    if (rule := rules.get(member.user_id)) is not None:
        base = (base & ~rule.deny) | rule.allow
    return base
