"""What other processes are told of the world: ids as texts, since not every language has such numbers."""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from sandbox.discord.messages import Message, Pinged, Version
from sandbox.discord.people import User
from sandbox.discord.places import Channel, Guild
from sandbox.discord.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class PingView:
    """Whom a version of a message pings or marks, as `Pinged`."""

    user_ids: tuple[str, ...]
    role_ids: tuple[str, ...]
    everyone: bool
    replied_user_id: str | None
    reaches: tuple[str, ...]
    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file of a message, and where it can be fetched."""

    id: str
    filename: str
    content_type: str
    size: int
    url: str
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """What a message was from `at` on."""

    at: datetime
    content: str
    embeds: tuple[dict[str, Any], ...]
    components: tuple[dict[str, Any], ...]
    files: tuple[FileView, ...]
    flags: int
    pinged: PingView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. `now` is what people see; `versions` is empty where the history was not asked for."""

    id: str
    channel_id: str
    author_id: str
    author: str
    type: int
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    reply_to_id: str | None
    thread_id: str | None
    seen_by: str | None
    nonce: str | int | None
    loading: bool
    reactions: dict[str, tuple[str, ...]]
    now: VersionView
    versions: tuple[VersionView, ...] = ()

    @property
    def content(self) -> str:
        """Its present text."""
        return self.now.content


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A user."""

    id: str
    name: str
    display_name: str
    is_bot: bool
    is_admin: bool
    takes_dms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    """A channel, thread or direct message."""

    id: str
    type: int
    name: str
    guild_id: str | None
    parent_id: str | None
    recipient_ids: tuple[str, ...]
    archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldView:
    """Who and what there is."""

    bot_id: str
    guild_id: str
    guild_name: str
    bot_is_in: bool
    people: tuple[PersonView, ...]
    channels: tuple[ChannelView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """The counts that can be waited for, and the number of the last change."""

    requests: int
    held: int
    connected: int
    identifies: int
    resumes: int
    last_change: int


def to_plain(view: object) -> Any:
    """A view as JSON."""
    return TypeAdapter[Any](type(view)).dump_python(view, mode="json")


def message_view(world: World, message: Message, *, history: bool = True) -> MessageView:
    """A message, with every version if `history`."""
    versions = message.versions if history else []
    return MessageView(
        id=str(message.id),
        channel_id=str(message.channel_id),
        author_id=str(message.author_id),
        author=world.users[message.author_id].display_name,
        type=int(message.type),
        sent_at=message.sent_at,
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
        reply_to_id=_id(message.reply_to_id),
        thread_id=_id(message.thread_id),
        seen_by=_id(message.seen_by),
        nonce=message.nonce,
        loading=message.loading,
        reactions={emoji: _ids(users) for emoji, users in message.reactions.items()},
        now=version_view(world, message.now),
        versions=tuple(version_view(world, version) for version in versions),
    )


def version_view(world: World, version: Version) -> VersionView:
    """A version of a message."""
    return VersionView(
        at=version.at,
        content=version.content,
        embeds=tuple(dict(each) for each in version.embeds),
        components=tuple(dict(each) for each in version.components),
        files=tuple(
            FileView(
                id=str(each.id),
                filename=each.filename,
                content_type=each.content_type,
                size=len(each.content),
                url=world.address + each.path,
                description=each.description,
            )
            for each in version.attachments
        ),
        flags=int(version.flags),
        pinged=ping_view(version.pinged) if version.pinged else None,
    )


def ping_view(pinged: Pinged) -> PingView:
    """Whom a version pings."""
    return PingView(
        user_ids=_ids(pinged.user_ids),
        role_ids=_ids(pinged.role_ids),
        everyone=pinged.everyone,
        replied_user_id=_id(pinged.replied_user_id),
        reaches=_ids(pinged.reaches),
        silent=pinged.silent,
    )


def person_view(world: World, guild: Guild, user: User) -> PersonView:
    """Somebody of the guild."""
    return PersonView(
        id=str(user.id),
        name=user.name,
        display_name=user.display_name,
        is_bot=user.is_bot,
        is_admin=world.is_admin(guild, user),
        takes_dms=user.takes_dms,
    )


def channel_view(channel: Channel) -> ChannelView:
    """A channel."""
    return ChannelView(
        id=str(channel.id),
        type=int(channel.type),
        name=channel.name,
        guild_id=_id(channel.guild_id),
        parent_id=_id(channel.parent_id),
        recipient_ids=_ids(channel.recipient_ids),
        archived=channel.thread is not None and channel.thread.archived,
    )


def world_view(world: World, guild_id: int) -> WorldView:
    """Everything but what was said."""
    guild = world.guilds[guild_id]
    return WorldView(
        bot_id=str(world.bot.id),
        guild_id=str(guild.id),
        guild_name=guild.name,
        bot_is_in=world.bot.id in guild.members,
        people=tuple(person_view(world, guild, user) for user in world.users.values()),
        channels=tuple(channel_view(channel) for channel in world.channels.values()),
    )


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)


def _ids(values: "frozenset[int] | tuple[int, ...] | list[int]") -> tuple[str, ...]:
    return tuple(str(each) for each in sorted(values))
