"""What a plugin declares: one value for each command, tool, filter, job and adapter."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bot.plugins.roles import Role
from bot.plugins.signature import Signature

Stage = Literal["inbound", "outbound"]
OnError = Literal["block", "allow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A command. `summary` is one line for lists, `description` the rest of its docstring."""

    plugin: str
    name: str
    summary: str
    description: str
    role: Role
    private: bool
    """Its answer concerns one person: where the platform can, only they see it."""
    timeout_s: float
    signature: Signature
    handler: Callable[..., Any]

    @property
    def usage(self) -> str:
        """How it is called, such as `/weather CITY [DAYS]`."""
        words = [
            each.name.upper() if each.required else f"[{each.name.upper()}]"
            for each in self.signature.parameters
        ]
        return " ".join([f"/{self.name}", *words])


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool for Claude. `name` is what the model calls it by: `plugin__function`."""

    plugin: str
    name: str
    description: str
    role: Role
    confirm: bool
    timeout_s: float
    schema: dict[str, Any]
    arguments: Callable[[dict[str, Any]], dict[str, Any]]
    """From the model's input to keyword arguments. Raises `WrongArguments`."""
    handler: Callable[..., Any]

    def definition(self) -> dict[str, Any]:
        """As the API takes it."""
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self.schema,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSpec:
    """A filter of what goes in or out."""

    plugin: str
    name: str
    stage: Stage
    on_error: OnError
    timeout_s: float
    handler: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job at set times. `cron` has five fields, as in crontab(5)."""

    plugin: str
    name: str
    cron: str
    timezone: str | None
    """None is the operator's."""
    timeout_s: float
    handler: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSpec:
    """A platform. `factory` fulfils `bot.ports.AdapterClass`."""

    plugin: str
    name: str
    factory: Any
