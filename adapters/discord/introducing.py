"""Names for what a message mentions, when it is answered."""

from dataclasses import replace

from adapters.discord.identity import guild_of
from adapters.discord.mentions import Names, codes_left, readable
from adapters.discord.parse import name_of
from adapters.discord.places import Guild, Places
from adapters.discord.rest import Json, Rest
from bot.ports import PlatformError
from bot.vocabulary import Message

MAX_LOOKED_UP = 10
"""So many names are asked for at most; the rest stays as it is."""


async def introduced(message: Message, *, rest: Rest, places: Places) -> Message:
    """The message, readable as far as names can be found. Asks nothing where all are known."""
    author = message.author
    if author.name == author.id:  # no event said it: a report asks who somebody is
        name = await _user(rest, author.id)
        message = replace(message, author=replace(author, name=name or author.id))
    users, roles, channels = codes_left(message.text)
    if not (users or roles or channels):
        return message
    guild_id = guild_of(message.thread.channel)
    names = {user_id: await _user(rest, user_id) for user_id in sorted(users)[:MAX_LOOKED_UP]}
    guild = await _guild(places, guild_id) if roles else None
    places_named = {each: await _place(places, each) for each in sorted(channels)[:MAX_LOOKED_UP]}
    known = Names(
        users={user_id: name for user_id, name in names.items() if name},
        role=lambda role_id: _role(guild, role_id),
        channel=places_named.get,
    )
    return replace(message, text=readable(message.text, known))


def _role(guild: Guild | None, role_id: str) -> str | None:
    role = guild.roles.get(role_id) if guild is not None else None
    return None if role is None else role.name


async def _user(rest: Rest, user_id: str) -> str | None:
    try:
        user: Json = await rest.get("/users/{user_id}", user_id=user_id)
    except PlatformError:
        return None
    return name_of(user)


async def _guild(places: Places, guild_id: str | None) -> Guild | None:
    if guild_id is None:
        return None
    try:
        return await places.guild(guild_id)
    except PlatformError:
        return None


async def _place(places: Places, channel_id: str) -> str | None:
    try:
        return (await places.place(channel_id)).name
    except PlatformError:
        return None
