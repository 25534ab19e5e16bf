"""Guilds and channels."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from sandbox.discord.messages import Message
from sandbox.discord.people import Member, Role
from sandbox.discord.permissions import NOTHING, Permission


class ChannelType(IntEnum):
    """https://discord.com/developers/docs/resources/channel#channel-object-channel-types"""

    TEXT = 0
    DM = 1
    VOICE = 2
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


THREADS = frozenset(
    {ChannelType.ANNOUNCEMENT_THREAD, ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    """What a channel allows or denies a role (`for_member` False) or a member."""

    id: int
    for_member: bool = False
    allow: Permission = NOTHING
    deny: Permission = NOTHING


@dataclass(slots=True, kw_only=True)
class ThreadState:
    """What a thread has that other channels have not. `member_ids` says who joined when."""

    owner_id: int
    created_at: datetime
    archived: bool = False
    archived_at: datetime | None = None
    locked: bool = False
    auto_archive_minutes: int = 1440
    invitable: bool = True
    member_ids: dict[int, datetime] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel of any type, with its messages, deleted ones too, in the order they were posted."""

    id: int
    type: ChannelType
    name: str = ""
    guild_id: int | None = None
    parent_id: int | None = None
    topic: str | None = None
    position: int = 0
    recipient_ids: tuple[int, ...] = ()
    """Who talks to the bot here, in a direct message."""
    overwrites: list[Overwrite] = field(default_factory=list)
    thread: ThreadState | None = None
    messages: dict[int, Message] = field(default_factory=dict)
    typing: list[tuple[int, datetime]] = field(default_factory=list)
    """Who typed, and when they last said so."""

    @property
    def is_direct(self) -> bool:
        """Whether it is a direct message."""
        return self.type is ChannelType.DM

    @property
    def is_thread(self) -> bool:
        """Whether it is a thread."""
        return self.thread is not None

    @property
    def mention(self) -> str:
        """How the channel is mentioned in a text."""
        return f"<#{self.id}>"

    @property
    def shown(self) -> tuple[Message, ...]:
        """The messages that everybody here sees, oldest first."""
        return tuple(
            message
            for message in self.messages.values()
            if message.deleted_at is None and not message.ephemeral
        )


@dataclass(slots=True, kw_only=True)
class Guild:
    """A guild, which people call a server."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channel_ids: list[int] = field(default_factory=list)
