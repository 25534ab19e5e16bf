"""The `Plugin` object, whose decorators declare what a plugin adds to the bot."""

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from pydantic import BaseModel

from bot.plugins.answers import Answer, Ask
from bot.plugins.context import Context, NoSettings, SettingsT, StateT
from bot.plugins.declarations import (
    AdapterSpec,
    CommandSpec,
    FilterSpec,
    JobSpec,
    OnError,
    Stage,
    ToolSpec,
)
from bot.plugins.errors import PluginError
from bot.plugins.roles import Role
from bot.plugins.signature import Signature
from bot.vocabulary import Person

API_VERSION = 1
"""The version of this API. A plugin says which it was written for."""

TOOL_TIMEOUT_S = 15.0
COMMAND_TIMEOUT_S = 120.0
FILTER_TIMEOUT_S = 5.0
JOB_TIMEOUT_S = 300.0

MAX_TOOL_NAME_CHARS = 64
"""https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use"""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_COMMAND_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""What Slack and Discord both take (https://discord.com/developers/docs/interactions/
application-commands#application-command-object-application-command-naming)."""

P = ParamSpec("P")
R = TypeVar("R")
CommandResult = TypeVar(
    "CommandResult", bound="Answer | Ask | str | Awaitable[Answer | Ask | str | None] | None"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A filter's verdict that a text must not go through; `reason` is told to the person as it is."""

    reason: str


Verdict = Block | str | None
"""What a filter returns: a `Block`, a text to go on in place of the one it was given, or None if that
is fine as it is."""

ToolSource = Callable[[Context[SettingsT, StateT]], Awaitable[Sequence[ToolSpec]]]


class Plugin(Generic[SettingsT, StateT]):
    """A plugin: a name, its settings, and what its decorators declare.

    Args:
        name: lower case, unique among all plugins; its settings are in `[plugins.NAME]`.
        api: the version of this API that it was written for, now 1.
        settings: a Pydantic model that its section is validated with.
        summary: one line for people who look at a list of plugins.
        on_by_default: whether it is used when the operator says nothing about it.

    Raises:
        PluginError: the name or the version can't be used.
    """

    def __init__(
        self,
        name: str,
        *,
        api: int,
        settings: type[SettingsT] = NoSettings,  # type: ignore[assignment]  # the default's default
        state: type[StateT] | None = None,
        summary: str = "",
        on_by_default: bool = True,
    ) -> None:
        if not _NAME.fullmatch(name) or len(name) > 32:
            raise PluginError(
                f'a plugin can\'t be named "{name}": use at most 32 lower-case letters, digits and '
                "single underscores, a letter first"
            )
        if api != API_VERSION:
            raise PluginError(
                f"{name} is written for version {api} of the plugin API, and this is version "
                f"{API_VERSION}; look for a release of {name} that fits"
            )
        self.name = name
        self.summary = summary
        self.on_by_default = on_by_default
        self.file = _file_of_caller(inspect.currentframe())
        """Where it was made: how the host knows its code."""
        self.settings_type: type[BaseModel] = settings
        self.commands: list[CommandSpec] = []
        self.tools: list[ToolSpec] = []
        self.tool_sources: list[Callable[..., Any]] = []
        self.filters: list[FilterSpec] = []
        self.jobs: list[JobSpec] = []
        self.adapters: list[AdapterSpec] = []
        self.lifespan_handler: Callable[..., AsyncIterator[Any]] | None = None
        self.forget_handler: Callable[..., Any] | None = None

    def lifespan(
        self, handler: Callable[[Context[SettingsT, StateT]], AsyncIterator[StateT]]
    ) -> Callable[[Context[SettingsT, StateT]], AsyncIterator[StateT]]:
        """An async generator: up to its `yield` it runs before the plugin is used, what it yields is
        `ctx.state`, and the rest runs when the bot stops."""
        if self.lifespan_handler is not None:
            raise PluginError(f"{self.name} has two lifespans; join them into one")
        if not inspect.isasyncgenfunction(handler):
            raise PluginError(
                f"{self.name}: its lifespan must be an async function that yields once"
            )
        self.lifespan_handler = handler
        return handler

    def command(
        self,
        name: str,
        *,
        role: Role = Role.MEMBER,
        private: bool = False,
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> Callable[
        [Callable[Concatenate[Context[SettingsT, StateT], P], CommandResult]],
        Callable[Concatenate[Context[SettingsT, StateT], P], CommandResult],
    ]:
        """A command, which people call as `/name` with arguments, on every platform.

        Its first docstring line is what lists say about it. Arguments are words of the line, validated
        against the annotations; a last parameter of type `str` takes the rest of the line.
        """
        if not _COMMAND_NAME.fullmatch(name):
            raise PluginError(
                f'{self.name}: a command can\'t be named "{name}": use at most 32 lower-case '
                "letters, digits and hyphens"
            )

        def declare(
            handler: Callable[Concatenate[Context[SettingsT, StateT], P], CommandResult],
        ) -> Callable[Concatenate[Context[SettingsT, StateT], P], CommandResult]:
            summary, description = _documented(handler, f"{self.name}: the command /{name}")
            self.commands.append(
                CommandSpec(
                    plugin=self.name,
                    name=name,
                    summary=summary,
                    description=description,
                    role=role,
                    private=private,
                    timeout_s=timeout_s,
                    signature=Signature(handler, what=f"{self.name}: the command /{name}"),
                    handler=handler,
                )
            )
            return handler

        return declare

    def tool(
        self,
        *,
        role: Role = Role.MEMBER,
        confirm: bool = False,
        timeout_s: float = TOOL_TIMEOUT_S,
        name: str | None = None,
    ) -> Callable[
        [Callable[Concatenate[Context[SettingsT, StateT], P], R]],
        Callable[Concatenate[Context[SettingsT, StateT], P], R],
    ]:
        """A tool for Claude, described by the function's docstring, its annotations and their
        `Field(description=…)`. It returns text, or what JSON can hold. With `confirm` the person is
        asked before every call."""

        def declare(
            handler: Callable[Concatenate[Context[SettingsT, StateT], P], R],
        ) -> Callable[Concatenate[Context[SettingsT, StateT], P], R]:
            tool_name = f"{self.name}__{name or handler.__name__}"
            what = f"the tool {tool_name}"
            if len(tool_name) > MAX_TOOL_NAME_CHARS:
                raise PluginError(f"{what}: its name is over {MAX_TOOL_NAME_CHARS} characters long")
            summary, description = _documented(handler, what)
            signature = Signature(handler, what=what)
            odd = [each for each in signature.schema["properties"] if not _PROPERTY.fullmatch(each)]
            if odd:
                raise PluginError(f"{what}: the API takes no parameter named {odd[0]}")
            self.tools.append(
                ToolSpec(
                    plugin=self.name,
                    name=tool_name,
                    description=f"{summary}\n\n{description}".strip(),
                    role=role,
                    confirm=confirm,
                    timeout_s=timeout_s,
                    schema=signature.schema,
                    arguments=signature.arguments,
                    handler=handler,
                )
            )
            return handler

        return declare

    def dynamic_tools(self, source: ToolSource[SettingsT, StateT]) -> ToolSource[SettingsT, StateT]:
        """Tools that are known only at run time, such as those of a server: asked for before every
        answer, so it must be quick. `dynamic_tool` makes them."""
        self.tool_sources.append(source)
        return source

    def dynamic_tool(
        self,
        name: str,
        handler: Callable[..., Awaitable[Any]],
        *,
        description: str,
        schema: Mapping[str, Any],
        role: Role = Role.MEMBER,
        confirm: bool = False,
        timeout_s: float = TOOL_TIMEOUT_S,
    ) -> ToolSpec:
        """A tool whose schema is given; `handler` takes the context and the model's input as keyword
        arguments, and checks them itself. Raises `PluginError` if the name can't be used."""
        tool_name = f"{self.name}__{name}"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool_name):
            raise PluginError(f'"{tool_name}" is no name for a tool')
        if schema.get("type") != "object":
            raise PluginError(f"the tool {tool_name}: its schema must be that of an object")
        return ToolSpec(
            plugin=self.name,
            name=tool_name,
            description=description,
            role=role,
            confirm=confirm,
            timeout_s=timeout_s,
            schema=dict(schema),
            arguments=dict,
            handler=handler,
        )

    def filter(
        self, *, stage: Stage, on_error: OnError, timeout_s: float = FILTER_TIMEOUT_S
    ) -> Callable[
        [Callable[[Context[SettingsT, StateT], str], Awaitable[Verdict]]],
        Callable[[Context[SettingsT, StateT], str], Awaitable[Verdict]],
    ]:
        """A filter of what people ask (`inbound`) or of what the bot says (`outbound`).

        `on_error` is what becomes of the text if the filter fails; there is no default, since only its
        author knows. Where an outbound filter is on, no text is shown before it has passed.
        """
        if stage not in ("inbound", "outbound") or on_error not in ("block", "allow"):
            raise PluginError(
                f'{self.name}: a filter has stage "inbound" or "outbound", on_error "block" or "allow"'
            )

        def declare(
            handler: Callable[[Context[SettingsT, StateT], str], Awaitable[Verdict]],
        ) -> Callable[[Context[SettingsT, StateT], str], Awaitable[Verdict]]:
            self.filters.append(
                FilterSpec(
                    plugin=self.name,
                    name=handler.__name__,
                    stage=stage,
                    on_error=on_error,
                    timeout_s=timeout_s,
                    handler=handler,
                )
            )
            return handler

        return declare

    def job(
        self, *, cron: str, timezone: str | None = None, timeout_s: float = JOB_TIMEOUT_S
    ) -> Callable[
        [Callable[[Context[SettingsT, StateT]], R]], Callable[[Context[SettingsT, StateT]], R]
    ]:
        """Something to do at set times, once for all replicas. `cron` has five fields as in crontab(5),
        0 being Sunday, or better a day's name; `timezone` is the operator's unless given."""

        def declare(
            handler: Callable[[Context[SettingsT, StateT]], R],
        ) -> Callable[[Context[SettingsT, StateT]], R]:
            self.jobs.append(
                JobSpec(
                    plugin=self.name,
                    name=handler.__name__,
                    cron=cron,
                    timezone=timezone,
                    timeout_s=timeout_s,
                    handler=handler,
                )
            )
            return handler

        return declare

    def forget(
        self, handler: Callable[[Context[SettingsT, StateT], Person], Awaitable[None]]
    ) -> Callable[[Context[SettingsT, StateT], Person], Awaitable[None]]:
        """Called when a person asks to be forgotten, for what is not in `ctx.store.user`, which the
        host empties by itself."""
        self.forget_handler = handler
        return handler

    def adapter(self, name: str) -> Callable[[type[R]], type[R]]:
        """A platform: a class that fulfils `bot.ports.Adapter` and has `from_setup`."""

        def declare(factory: type[R]) -> type[R]:
            self.adapters.append(AdapterSpec(plugin=self.name, name=name, factory=factory))
            return factory

        return declare


def _documented(handler: Callable[..., Any], what: str) -> tuple[str, str]:
    text = inspect.getdoc(handler)
    if not text:
        raise PluginError(f"{what} needs a docstring: it tells people, and Claude, what it does")
    summary, _, description = text.partition("\n")
    return summary.strip(), description.strip()


def _file_of_caller(frame: FrameType | None) -> str:
    """The file of whoever called the function of that frame. (`inspect.stack` would read the source of
    every caller there is, which takes half a second.)"""
    caller = frame.f_back if frame else None
    return caller.f_code.co_filename if caller else ""
