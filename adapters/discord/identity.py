"""What Discord's places are called inward: channels, and threads whose ids say where to speak."""

from dataclasses import dataclass
from typing import Final

from bot.vocabulary import Channel, ChannelKind, Thread

PLATFORM: Final = "discord"
DIRECT_WORKSPACE: Final = "dm"
"""Direct messages belong to no guild."""

_DISCORD_THREAD: Final = "t"
_INTERACTION: Final = "i"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a thread is spoken in: a channel of Discord's, where `replies` perhaps in a chain that began
    with the message `root_id`, or the answers to an interaction."""

    channel_id: str
    root_id: str | None = None
    replies: bool = False
    """What is said there points at what it answers, since others talk in between."""
    interaction_id: str | None = None
    to_be_opened: bool = False
    """`channel_id` is a thread of Discord's, and `root_id` the message it is opened on if it is not
    there yet: both have the same id
    (https://discord.com/developers/docs/resources/channel#start-thread-from-message)."""


def channel_of(guild_id: str | None, channel_id: str) -> Channel:
    """A guild's channel, or a direct message where there is no guild."""
    if guild_id is None:
        return Channel(PLATFORM, DIRECT_WORKSPACE, channel_id, ChannelKind.DIRECT)
    return Channel(PLATFORM, guild_id, channel_id)


def direct_thread(channel_id: str) -> Thread:
    """A direct message is one conversation."""
    return Thread(channel_of(None, channel_id), channel_id)


def reply_chain(guild_id: str, channel_id: str, root_id: str) -> Thread:
    """A conversation of replies in a channel, which began with the message `root_id`."""
    return Thread(channel_of(guild_id, channel_id), root_id)


def discord_thread(guild_id: str, parent_id: str, thread_id: str) -> Thread:
    """A thread of Discord's, counted under the channel it hangs on."""
    return Thread(channel_of(guild_id, parent_id), f"{_DISCORD_THREAD}{thread_id}")


def interaction_thread(guild_id: str | None, channel_id: str, interaction_id: str) -> Thread:
    """A command that was called, and its answer."""
    return Thread(channel_of(guild_id, channel_id), f"{_INTERACTION}{interaction_id}")


def answers_call(thread: Thread) -> bool:
    """It is a command that was called, and is spoken in by that call's own means."""
    return thread.id.startswith(_INTERACTION)


def spot_of(thread: Thread) -> Spot:
    """Where to speak."""
    channel_id, thread_id = thread.channel.id, thread.id
    if thread_id.startswith(_DISCORD_THREAD):
        inside = thread_id.removeprefix(_DISCORD_THREAD)
        return Spot(inside, root_id=inside, to_be_opened=True)
    if thread_id.startswith(_INTERACTION):
        return Spot(channel_id, interaction_id=thread_id.removeprefix(_INTERACTION))
    if thread.channel.kind is ChannelKind.DIRECT:
        return Spot(channel_id)
    return Spot(channel_id, root_id=None if thread.is_new else thread_id, replies=True)


def guild_of(channel: Channel) -> str | None:
    """The guild's id; None for a direct message."""
    return None if channel.kind is ChannelKind.DIRECT else channel.workspace
