"""The application's commands.

https://discord.com/developers/docs/interactions/application-commands
"""

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from sandbox.discord.errors import ApiError, FormErrors, refusal
from sandbox.discord.payloads import Payload
from sandbox.discord.world import NotThere, World

MAX_COMMANDS: Final = 100
MAX_OPTIONS: Final = 25
MAX_NAME: Final = 32
MAX_DESCRIPTION: Final = 100
_NAME = re.compile(r"[-_'\w]{1,32}")


class CommandType(IntEnum):
    """What a command is started from."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3


class Commands:
    """Commands by scope: a guild's id, or None for those that are everywhere."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[int | None, dict[int, Payload]] = {}

    def all_of(self, guild_id: int | None) -> list[Payload]:
        """The commands of a scope."""
        return list(self._commands.get(guild_id, {}).values())

    def offered(self, guild_id: int | None) -> list[Payload]:
        """All that people can choose from in a guild, or in a direct message."""
        everywhere = self.all_of(None)
        return everywhere if guild_id is None else everywhere + self.all_of(guild_id)

    def get(self, guild_id: int | None, command_id: int) -> Payload:
        """One of them. Raises `ApiError`: 10063."""
        found = self._commands.get(guild_id, {}).get(command_id)
        if found is None:
            raise refusal(10063)
        return found

    def create(self, guild_id: int | None, body: Mapping[str, Any]) -> tuple[Payload, bool]:
        """Add a command, or replace that of the same name and type; True if it is new."""
        errors = FormErrors()
        _check(body, "", errors)
        errors.finish()
        scope = self._commands.setdefault(guild_id, {})
        type_ = body.get("type") or CommandType.CHAT_INPUT
        same = [
            each for each in scope.values() if (each["name"], each["type"]) == (body["name"], type_)
        ]
        if not same and len(scope) >= MAX_COMMANDS:
            raise ApiError(
                400, code=30032, message="Maximum number of application commands reached (100)"
            )
        made = self._made(guild_id, body, id_=int(same[0]["id"]) if same else None)
        scope[int(made["id"])] = made
        return made, not same

    def replace(self, guild_id: int | None, bodies: list[Mapping[str, Any]]) -> list[Payload]:
        """Let these be all there are in the scope; those of a known name keep their id."""
        errors = FormErrors()
        for at, body in enumerate(bodies):
            _check(body, f"{at}.", errors)
        errors.finish()
        known = {(each["name"], each["type"]): int(each["id"]) for each in self.all_of(guild_id)}
        made = [
            self._made(
                guild_id,
                body,
                id_=known.get((body["name"], body.get("type") or CommandType.CHAT_INPUT)),
            )
            for body in bodies
        ]
        self._commands[guild_id] = {int(each["id"]): each for each in made}
        return made

    def edit(self, guild_id: int | None, command_id: int, body: Mapping[str, Any]) -> Payload:
        """Change what `body` has of a command."""
        found = self.get(guild_id, command_id)
        made = self._made(guild_id, {**found, **body}, id_=command_id)
        self._commands[guild_id][command_id] = made
        return made

    def delete(self, guild_id: int | None, command_id: int) -> None:
        """Take a command away."""
        self.get(guild_id, command_id)
        del self._commands[guild_id][command_id]

    def find(self, name: str, type_: CommandType, guild_id: int | None) -> Payload:
        """The command that people find under this name there. Raises `NotThere`."""
        for scope in (guild_id, None):
            for command in self._commands.get(scope, {}).values():
                if command["name"] == name and command["type"] == type_:
                    return command
        raise NotThere(f"the bot has no {type_.name} command {name!r} there")

    def _made(self, guild_id: int | None, body: Mapping[str, Any], *, id_: int | None) -> Payload:
        made: Payload = {
            "description": "",
            "options": [],
            "default_member_permissions": None,
            "dm_permission": True,
            "contexts": None,
            "integration_types": [0],
            "nsfw": False,
            "name_localizations": None,
            "description_localizations": None,
            **body,
        }
        made["type"] = int(body.get("type") or CommandType.CHAT_INPUT)
        made["id"] = str(id_ or self._world.snowflakes.next())
        made["application_id"] = str(self._world.application_id)
        made["version"] = str(self._world.snowflakes.next())
        if guild_id is not None:
            made["guild_id"] = str(guild_id)
        return made


def _check(body: Mapping[str, Any], path: str, errors: FormErrors) -> None:
    name = body.get("name")
    is_slash = (body.get("type") or CommandType.CHAT_INPUT) == CommandType.CHAT_INPUT
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        errors.add(f"{path}name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length.")
    elif is_slash and (not _NAME.fullmatch(name) or name != name.lower()):
        errors.add(f"{path}name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    description = body.get("description") or ""
    if is_slash and not 1 <= len(description) <= MAX_DESCRIPTION:
        text = "Must be between 1 and 100 in length."
        errors.add(f"{path}description", "BASE_TYPE_BAD_LENGTH", text)
    options = body.get("options") or []
    errors.too_many(f"{path}options", options, MAX_OPTIONS)
    for at, option in enumerate(options):
        _check({**option, "type": CommandType.CHAT_INPUT}, f"{path}options.{at}.", errors)
