"""What is known of servers and their channels: from the gateway where it tells, else asked once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.discord.rest import Json, Rest
from bot.vocabulary import Newest

MAX_PLACES: Final = 20_000
MAX_GUILDS: Final = 5_000
MAX_MEMBERS: Final = 1_000

THREADS: Final = frozenset({10, 11, 12})
"""https://discord.com/developers/docs/resources/channel#channel-object-channel-types"""
_OPENS_THREADS: Final = frozenset({0, 5})
"""Text and announcement channels: where a thread may be opened on a message."""
ADMINISTRATOR: Final = 1 << 3
MANAGE_GUILD: Final = 1 << 5


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or thread of Discord's. `guild_id` is None for a direct message."""

    id: str
    type: int
    guild_id: str | None
    parent_id: str | None
    name: str

    @property
    def is_thread(self) -> bool:
        """It hangs on another channel."""
        return self.type in THREADS and self.parent_id is not None

    @property
    def opens_threads(self) -> bool:
        """A thread can be opened on its messages."""
        return self.type in _OPENS_THREADS


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a server; `bot_id` is the bot whose own it is."""

    name: str
    permissions: int
    bot_id: str | None = None


@dataclass(slots=True)
class Guild:
    """A server, as far as it matters here."""

    id: str
    owner_id: str
    roles: dict[str, Role] = field(default_factory=dict)

    def may_manage(self, person_id: str, role_ids: Iterable[str]) -> bool:
        """Whether somebody with these roles manages the server."""
        if person_id == self.owner_id:
            return True
        held = (self.roles[each].permissions for each in role_ids if each in self.roles)
        return any(each & (ADMINISTRATOR | MANAGE_GUILD) for each in held)


class Places:
    """Remembers servers and channels, as many as are in use."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._places = Newest[str, Place](MAX_PLACES)
        self._guilds = Newest[str, Guild](MAX_GUILDS)
        self._members = Newest[tuple[str, str], Json](MAX_MEMBERS)

    async def place(self, channel_id: str) -> Place:
        """A channel or thread. Raises `PlatformError`."""
        found = self._places.get(channel_id)
        if found is None:
            data = await self._rest.get("/channels/{channel_id}", channel_id=channel_id)
            found = self.learn_channel(data)
        self._places.move_to_end(channel_id)
        return found

    async def guild(self, guild_id: str) -> Guild:
        """A server. Raises `PlatformError`."""
        found = self._guilds.get(guild_id)
        if found is None:
            found = self.learn_guild(await self._rest.get("/guilds/{guild_id}", guild_id=guild_id))
        self._guilds.move_to_end(guild_id)
        return found

    async def member(self, guild_id: str, person_id: str) -> Json:
        """Somebody as a server knows them. Raises `PlatformError`."""
        at = (guild_id, person_id)
        found = self._members.get(at)
        if found is None:
            found = await self._rest.get(
                "/guilds/{guild_id}/members/{user_id}", guild_id=guild_id, user_id=person_id
            )
            self._members[at] = found
        return found

    def known_place(self, channel_id: str) -> Place | None:
        """A channel, if it is known already."""
        return self._places.get(channel_id)

    def known_guild(self, guild_id: str | None) -> Guild | None:
        """A server, if it is known already."""
        return None if guild_id is None else self._guilds.get(guild_id)

    def learn_guild(self, data: Json) -> Guild:
        """Take over a server, with the channels and threads that stand in its event."""
        guild = Guild(str(data["id"]), str(data.get("owner_id") or ""))
        for role in data.get("roles") or ():
            guild.roles[str(role["id"])] = _role(role)
        self._guilds[guild.id] = guild
        for channel in (*(data.get("channels") or ()), *(data.get("threads") or ())):
            self.learn_channel(channel, guild_id=guild.id)
        return guild

    def learn_channel(self, data: Json, *, guild_id: str | None = None) -> Place:
        """Take over a channel or thread."""
        guild = data.get("guild_id") or guild_id
        parent = data.get("parent_id")
        place = Place(
            id=str(data["id"]),
            type=int(data.get("type", 0)),
            guild_id=None if guild is None else str(guild),
            parent_id=None if parent is None else str(parent),
            name=str(data.get("name") or ""),
        )
        self._places[place.id] = place
        return place

    def heard(self, event: str, data: Json) -> None:
        """Take over what an event of the gateway says of servers, channels and roles."""
        match event:
            case "GUILD_CREATE" if not data.get("unavailable"):
                self.learn_guild(data)
            case "GUILD_UPDATE":
                self._learn_owner(data)
            case "GUILD_DELETE" if not data.get("unavailable"):
                self._guilds.pop(str(data["id"]), None)
            case "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE":
                self.learn_channel(data)
            case "CHANNEL_DELETE" | "THREAD_DELETE":
                self._places.pop(str(data["id"]), None)
            case "THREAD_LIST_SYNC":
                for thread in data.get("threads") or ():
                    self.learn_channel(thread, guild_id=str(data["guild_id"]))
            case "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" | "GUILD_ROLE_DELETE":
                self._learn_role(data)

    def _learn_owner(self, data: Json) -> None:
        guild = self._guilds.get(str(data["id"]))
        if guild is not None and data.get("owner_id"):
            guild.owner_id = str(data["owner_id"])

    def _learn_role(self, data: Json) -> None:
        guild = self._guilds.get(str(data.get("guild_id")))
        if guild is None:
            return
        if (role := data.get("role")) is not None:
            guild.roles[str(role["id"])] = _role(role)
        else:
            guild.roles.pop(str(data.get("role_id")), None)


def _role(data: Mapping[str, Any]) -> Role:
    tags = data.get("tags") or {}
    bot_id = tags.get("bot_id")
    return Role(
        str(data.get("name") or ""),
        int(data.get("permissions") or 0),
        None if bot_id is None else str(bot_id),
    )
