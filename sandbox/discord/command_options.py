"""The data of a command interaction.

https://discord.com/developers/docs/interactions/receiving-and-responding
#interaction-object-application-command-data-structure
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.discord.message_payload import message_payload
from sandbox.discord.messages import Message
from sandbox.discord.payloads import Payload, channel_payload, user_payload
from sandbox.discord.people import User
from sandbox.discord.places import Channel
from sandbox.discord.world import Impossible, World

SUBCOMMAND: Final = 1
GROUP: Final = 2
USER: Final = 6
CHANNEL: Final = 7


def slash_data(
    world: World,
    command: Payload,
    inner: Sequence[str],
    options: Mapping[str, Any],
    channel: Channel,
    *,
    focused: str | None = None,
) -> Payload:
    """A slash command with its options by name; `inner` names the subcommand."""
    resolved: Payload = {}
    found = _options(world, command.get("options") or [], list(inner), options, resolved, focused)
    data: Payload = {
        "id": command["id"],
        "name": command["name"],
        "type": 1,
        "options": found,
    }
    if channel.guild_id is not None and "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return data | ({"resolved": resolved} if resolved else {})


def message_target(world: World, command: Payload, target: Message) -> Payload:
    """A command of a message's context menu; it gets the whole message."""
    return {
        "id": command["id"],
        "name": command["name"],
        "type": 3,
        "target_id": str(target.id),
        "resolved": {"messages": {str(target.id): message_payload(world, target)}},
    }


def user_target(command: Payload, target: User) -> Payload:
    """A command of a user's context menu."""
    return {
        "id": command["id"],
        "name": command["name"],
        "type": 2,
        "target_id": str(target.id),
        "resolved": {"users": {str(target.id): user_payload(target)}},
    }


def _options(
    world: World,
    schemas: Sequence[Payload],
    inner: list[str],
    given: Mapping[str, Any],
    resolved: Payload,
    focused: str | None,
) -> list[Payload]:
    if inner:
        schema = _named(schemas, inner[0])
        below = _options(world, schema.get("options") or [], inner[1:], given, resolved, focused)
        return [{"name": schema["name"], "type": schema["type"], "options": below}]
    missing = [
        each["name"] for each in schemas if each.get("required") and each["name"] not in given
    ]
    if missing and focused is None:
        raise Impossible(f"the command needs {missing[0]!r}")
    found = []
    for name, value in given.items():
        schema = _named(schemas, name)
        option = {
            "name": name,
            "type": schema["type"],
            "value": _value(world, schema["type"], value, resolved),
        }
        found.append(option | ({"focused": True} if name == focused else {}))
    return found


def _value(world: World, type_: int, value: Any, resolved: Payload) -> Any:
    if type_ == USER:
        user = world.user(value)
        resolved.setdefault("users", {})[str(user.id)] = user_payload(user)
        return str(user.id)
    if type_ == CHANNEL:
        channel = world.channel(value)
        shown = channel_payload(world, channel)
        resolved.setdefault("channels", {})[str(channel.id)] = {**shown, "permissions": "0"}
        return str(channel.id)
    return value


def _named(schemas: Sequence[Payload], name: str) -> Payload:
    for schema in schemas:
        if schema["name"] == name:
            return schema
    raise Impossible(f"the command has no option {name!r}")
