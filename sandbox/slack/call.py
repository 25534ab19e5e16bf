"""One call of the Web API: its arguments and who makes it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.slack.errors import SlackError, missing
from sandbox.slack.world import Installation
from sandbox.wire import BadJson, read_object

Answer = dict[str, Any]


async def read_args(request: web.Request) -> dict[str, Any]:
    """The arguments of a call: from the address, and a form or JSON body."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            return args | read_object(await request.read() or b"{}")
        except BadJson as error:
            raise SlackError("invalid_json") from error
    form = await request.post()
    return args | {name: value for name, value in form.items() if isinstance(value, str)}


@dataclass(frozen=True, slots=True)
class Args:
    """Arguments, whether they came as JSON or as text in a form."""

    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text; empty if it is not given."""
        value = self.given.get(name)
        return "" if value is None else str(value)

    def required(self, name: str) -> str:
        """A text that must be given."""
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def flag(self, name: str) -> bool:
        """A yes or no; no if it is not given."""
        return str(self.given.get(name)).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        value = self.given.get(name)
        if value in (None, ""):
            return default
        try:
            return int(str(value))
        except ValueError:
            raise SlackError("invalid_arguments") from None

    def structure(self, name: str, error: str = "invalid_arguments") -> Any:
        """A list or object, given as such or as JSON text; None if it is not given."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error) from None

    def objects(self, name: str, error: str = "invalid_arguments") -> tuple[dict[str, Any], ...]:
        """A list of objects; empty if it is not given."""
        value = self.structure(name, error)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise SlackError(error)
        return tuple(value)


@dataclass(frozen=True, slots=True)
class Call:
    """A call by an installation of the app."""

    args: Args
    installation: Installation

    @property
    def team_id(self) -> str:
        """The workspace it is made for."""
        return self.installation.team_id


@dataclass(frozen=True, slots=True)
class Method:
    """What a method does, the scopes of which it needs one, and its tier (0: a limit of its own)."""

    run: Callable[[Call], Answer]
    scopes: tuple[str, ...] = ()
    tier: int = 3


Methods = Mapping[str, Method]
