"""Which events a session gets, and how much of a message.

https://discord.com/developers/docs/events/gateway#gateway-intents
"""

from collections.abc import Mapping
from enum import IntFlag
from typing import Any, Final


class Intents(IntFlag):
    """What a bot may ask to be told."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


KNOWN: Final = int(~Intents(0))
PRIVILEGED: Final = Intents.GUILD_MEMBERS | Intents.GUILD_PRESENCES | Intents.MESSAGE_CONTENT
"""What must be granted in the developer portal."""

_GRANTED_FLAGS: Final[Mapping[Intents, int]] = {
    Intents.GUILD_PRESENCES: 1 << 13,
    Intents.GUILD_MEMBERS: 1 << 15,
    Intents.MESSAGE_CONTENT: 1 << 19,
}
"""Those of apps in few servers
(https://discord.com/developers/docs/resources/application#application-object-application-flags)."""

_OF_GUILDS: Final[Mapping[str, Intents]] = {
    "GUILD_CREATE": Intents.GUILDS,
    "GUILD_DELETE": Intents.GUILDS,
    "CHANNEL_CREATE": Intents.GUILDS,
    "CHANNEL_UPDATE": Intents.GUILDS,
    "CHANNEL_DELETE": Intents.GUILDS,
    "THREAD_CREATE": Intents.GUILDS,
    "THREAD_UPDATE": Intents.GUILDS,
    "THREAD_DELETE": Intents.GUILDS,
    "THREAD_MEMBERS_UPDATE": Intents.GUILDS,
    "GUILD_MEMBER_ADD": Intents.GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": Intents.GUILD_MEMBERS,
    "MESSAGE_CREATE": Intents.GUILD_MESSAGES,
    "MESSAGE_UPDATE": Intents.GUILD_MESSAGES,
    "MESSAGE_DELETE": Intents.GUILD_MESSAGES,
    "MESSAGE_REACTION_ADD": Intents.GUILD_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE": Intents.GUILD_MESSAGE_REACTIONS,
    "TYPING_START": Intents.GUILD_MESSAGE_TYPING,
}
_OF_DIRECT_MESSAGES: Final[Mapping[str, Intents]] = {
    "MESSAGE_CREATE": Intents.DIRECT_MESSAGES,
    "MESSAGE_UPDATE": Intents.DIRECT_MESSAGES,
    "MESSAGE_DELETE": Intents.DIRECT_MESSAGES,
    "MESSAGE_REACTION_ADD": Intents.DIRECT_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE": Intents.DIRECT_MESSAGE_REACTIONS,
    "TYPING_START": Intents.DIRECT_MESSAGE_TYPING,
}


def application_flags(granted: Intents) -> int:
    """How an application object shows which privileged intents are granted."""
    return sum(flag for intent, flag in _GRANTED_FLAGS.items() if intent in granted)


def needed_for(event: str, *, direct: bool) -> Intents:
    """What a session must have asked for to get the event; nothing for some."""
    table = _OF_DIRECT_MESSAGES if direct else _OF_GUILDS
    return table.get(event, Intents(0))


def without_content(data: Mapping[str, Any], bot_id: int) -> Mapping[str, Any]:
    """A message of a guild as a bot without MESSAGE_CONTENT gets it: whole if it wrote it or is
    mentioned, else emptied (https://discord.com/developers/docs/events/gateway#message-content-intent).
    """
    shown = dict(data)
    if shown.get("referenced_message"):
        shown["referenced_message"] = without_content(shown["referenced_message"], bot_id)
    mentioned = any(user["id"] == str(bot_id) for user in shown.get("mentions", ()))
    if mentioned or shown["author"]["id"] == str(bot_id):
        return shown
    return shown | {"content": "", "embeds": [], "attachments": [], "components": []}
