"""What happens around the talking: channels come and go, people and the bot join and leave."""

from collections.abc import Mapping
from typing import Any

from sandbox.discord.dispatch import Dispatch
from sandbox.discord.payloads import (
    channel_payload,
    guild_create_payload,
    user_payload,
    whole_member_payload,
)
from sandbox.discord.people import User
from sandbox.discord.places import Channel, Guild
from sandbox.discord.world import World


class Housekeeping:
    """The verbs that change guilds, and tell of it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def created(self, channel: Channel) -> None:
        """Tell of a new channel."""
        self._tell_of_channel("CHANNEL_CREATE", channel)

    def changed(self, channel: Channel) -> None:
        """Tell of a channel that was changed."""
        self._tell_of_channel("CHANNEL_UPDATE", channel)

    def delete_channel(self, channel: Channel) -> None:
        """A channel goes, with its threads."""
        self._tell_of_channel("CHANNEL_DELETE", channel)
        guild = self._world.guild_of(channel)
        if guild is not None and channel.id in guild.channel_ids:
            guild.channel_ids.remove(channel.id)
        gone = [each.id for each in self._world.channels.values() if each.parent_id == channel.id]
        for channel_id in (*gone, channel.id):
            del self._world.channels[channel_id]

    def join(self, guild: Guild, user: User) -> None:
        """Somebody joins; the bot is shown the whole guild when it does."""
        member = self._world.add_member(guild, user)
        if user.id == self._world.bot.id:
            self._tell("GUILD_CREATE", guild, guild_create_payload(self._world, guild))
            return
        data = whole_member_payload(self._world, member) | {"guild_id": str(guild.id)}
        self._tell("GUILD_MEMBER_ADD", guild, data)

    def leave(self, guild: Guild, user: User) -> None:
        """Somebody leaves or is removed."""
        guild.members.pop(user.id, None)
        if user.id == self._world.bot.id:
            self._tell("GUILD_DELETE", guild, {"id": str(guild.id)})
            return
        data = {"guild_id": str(guild.id), "user": user_payload(user)}
        self._tell("GUILD_MEMBER_REMOVE", guild, data)

    def outage(self, guild: Guild, *, over: bool) -> None:
        """A guild is not available for a while, or is again; nobody was removed from it."""
        if over:
            shown = guild_create_payload(self._world, guild) | {"unavailable": False}
            self._tell("GUILD_CREATE", guild, shown)
        else:
            self._tell("GUILD_DELETE", guild, {"id": str(guild.id), "unavailable": True})

    def _tell_of_channel(self, name: str, channel: Channel) -> None:
        data = channel_payload(self._world, channel)
        self._world.tell(
            Dispatch(name=name, data=data, guild_id=channel.guild_id, channel_id=channel.id)
        )
        self._world.note(name.lower(), data)

    def _tell(self, name: str, guild: Guild, data: Mapping[str, Any]) -> None:
        self._world.tell(Dispatch(name=name, data=data, guild_id=guild.id))
        self._world.note(name.lower(), data)
