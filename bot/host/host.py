"""The plugin host: what the engine asks, answered by plugins behind their shields."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import structlog

from bot.claude.client import ClaudeClient
from bot.host.errors import PluginFailed, PluginsUnusable
from bot.host.lifespan import Lifespan
from bot.host.loading import Loaded, Loading
from bot.host.occasion import Occasion
from bot.host.shield import Shield, Watch
from bot.host.stores import DatabaseStore, user_scope
from bot.plugins import Answer, Ask, Block, Context, File, Role, Told, ToolSpec
from bot.plugins.declarations import CommandSpec, FilterSpec, JobSpec, Stage
from bot.vocabulary import Channel, Clock, Person, storable
from storage import plugin_values
from storage.database import Database

log = structlog.get_logger(__name__)

MAX_SAID_CHARS = 400_000
"""What a command or a filter says is cut off here: twice the longest file of text that is read by default,
and a hundred messages or more on a chat platform."""

LIST_TOOLS_S = 2.0
FORGET_S = 30.0

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class Live:
    """A loaded plugin, its shield and its state."""

    loaded: Loaded
    shield: Shield
    state: Any = None
    lifespan: Lifespan | None = None
    down: bool = False
    """Its lifespan failed."""

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.loaded.name


@dataclass(frozen=True, slots=True)
class Passed:
    """What filters made of a text; `blocked` is the reason for it to go no further."""

    text: str
    blocked: str | None = None


class PluginHost:
    """All plugins of this process. `start` before use, `aclose` at the end."""

    def __init__(
        self,
        *,
        loading: Loading,
        database: Database,
        claude: ClaudeClient,
        clock: Clock,
        watch: Watch,
    ) -> None:
        self.loading = loading
        self._database = database
        self._claude = claude
        self._clock = clock
        self._plugins = {
            each.name: Live(each, Shield(plugin=each.name, clock=clock, watch=watch))
            for each in loading.loaded
        }
        self._commands = {
            command.name: command for each in loading.loaded for command in each.plugin.commands
        }

    @property
    def plugins(self) -> Sequence[Live]:
        """All plugins, in the order of loading."""
        return tuple(self._plugins.values())

    async def start(self, occasion: Occasion) -> None:
        """Begin the lifespans, on an occasion without a place.

        Raises:
            PluginsUnusable: a plugin that is required did not start.
        """
        for broken in self.loading.broken:
            log.error("plugin left out", plugin=broken.name, why=broken.why)
        for live in self._plugins.values():
            begin = live.loaded.plugin.lifespan_handler
            if begin is None:
                continue
            context = self._context(live, occasion)
            live.lifespan = Lifespan(shield=live.shield, begin=functools.partial(begin, context))
            try:
                live.state = await live.lifespan.start()
            except PluginFailed as error:
                live.down = True
                log.error("plugin did not start", plugin=live.name, why=str(error))
                if live.loaded.options.required:
                    raise PluginsUnusable(
                        f"plugin {live.name} is required and did not start: {error}; the log says more"
                    ) from error

    async def aclose(self) -> None:
        """End the lifespans, the last first."""
        for live in reversed(self._plugins.values()):
            if live.lifespan is not None:
                await live.lifespan.end()

    def on_here(self, occasion: Occasion) -> tuple[str, ...]:
        """The names of the plugins that are on here."""
        return tuple(sorted(live.name for live in self._on(occasion)))

    # Commands

    def commands(self, occasion: Occasion) -> list[CommandSpec]:
        """The commands that this person may use here, by name."""
        return [
            command
            for _, command in sorted(self._commands.items())
            if self._is_on(command.plugin, occasion) and self.may_use(command, occasion.role)
        ]

    def command(self, name: str, occasion: Occasion) -> CommandSpec | None:
        """The command of that name, if its plugin is on here."""
        command = self._commands.get(name)
        if command is None or not self._is_on(command.plugin, occasion):
            return None
        return command

    def may_use(self, spec: CommandSpec | ToolSpec, role: Role) -> bool:
        """Whether somebody of this role may use it: as the operator says, else as the plugin does."""
        roles = self._plugins[spec.plugin].loaded.options.roles
        short = spec.name.removeprefix(f"{spec.plugin}__")
        return role.allows(roles.get(short, spec.role))

    async def run_command(
        self, spec: CommandSpec, arguments: Mapping[str, Any], occasion: Occasion
    ) -> Answer | Ask:
        """What the command answers. Raises `Told` and `PluginFailed`."""
        result = await self._call(
            spec.plugin,
            f"command /{spec.name}",
            spec.handler,
            occasion,
            spec.timeout_s,
            named=arguments,
        )
        if isinstance(result, Answer | Ask) and _is_whole(result):
            return replace(result, text=_said(result.text))
        if result is None or isinstance(result, str):
            return Answer(_said(result or "Done."))
        why = f"returned {type(result).__name__} instead of text"
        raise PluginFailed(spec.plugin, f"command /{spec.name}", why)

    # Tools

    async def tools(self, occasion: Occasion) -> dict[str, ToolSpec]:
        """The tools that Claude may use for this person here, by name. Never raises."""
        found: dict[str, ToolSpec] = {}
        for live in self._on(occasion):
            for tool in (*live.loaded.plugin.tools, *await self._dynamic(live, occasion)):
                if tool.name not in found and self.may_use(tool, occasion.role):
                    found[tool.name] = tool
        return found

    async def run_tool(
        self, spec: ToolSpec, arguments: Mapping[str, Any], occasion: Occasion
    ) -> Any:
        """What the tool returns. Raises `Told` and `PluginFailed`."""
        return await self._call(
            spec.plugin,
            f"tool {spec.name}",
            spec.handler,
            occasion,
            spec.timeout_s,
            named=arguments,
        )

    async def _dynamic(self, live: Live, occasion: Occasion) -> Sequence[ToolSpec]:
        tools: list[ToolSpec] = []
        for source in live.loaded.plugin.tool_sources:
            try:
                found = await self._call(live.name, "tools", source, occasion, LIST_TOOLS_S)
            except (PluginFailed, Told) as error:
                log.warning("plugin offers no tools now", plugin=live.name, why=str(error))
                continue
            mine = [each for each in _listed(found) if each.plugin == live.name]
            if not isinstance(found, Sequence) or len(mine) < len(found):
                log.warning("plugin offers what is no tool of its own", plugin=live.name)
            tools += mine
        return tools

    # Filters

    def has_filters(self, stage: Stage, occasion: Occasion) -> bool:
        """Whether any filter of this stage is on here."""
        return any(True for _ in self._filters(stage, occasion))

    async def passed(self, stage: Stage, text: str, occasion: Occasion, *, failed: str) -> Passed:
        """The text as the filters of a stage let it through, one after the other.

        `failed` is what is said where a filter fails that must not.
        """
        for spec in self._filters(stage, occasion):
            what = f"{stage} filter {spec.name}"
            try:
                verdict = await self._call(
                    spec.plugin, what, spec.handler, occasion, spec.timeout_s, text
                )
            except Exception as error:  # even what it has to say must not open the door
                log.error("filter failed", plugin=spec.plugin, what=what, why=str(error))
                if spec.on_error == "block":
                    return Passed(text, blocked=failed)
                continue
            if isinstance(verdict, Block):
                log.info("filter blocked", plugin=spec.plugin, what=what)
                return Passed(text, blocked=_said(str(verdict.reason)))
            if isinstance(verdict, str):
                text = _said(verdict)
            elif verdict is not None and spec.on_error == "block":
                return Passed(text, blocked=failed)
        return Passed(text)

    def _filters(self, stage: Stage, occasion: Occasion) -> Iterable[FilterSpec]:
        for live in self._on(occasion):
            for spec in live.loaded.plugin.filters:
                if spec.stage == stage:
                    yield spec

    # Jobs, and the rest

    def jobs(self) -> list[JobSpec]:
        """The jobs of all plugins."""
        return [job for live in self._plugins.values() for job in live.loaded.plugin.jobs]

    async def run_job(self, spec: JobSpec, occasion: Occasion) -> None:
        """Run a job. Raises `PluginFailed`."""
        await self._call(spec.plugin, f"job {spec.name}", spec.handler, occasion, spec.timeout_s)

    async def forget(self, channel: Channel, person: Person, occasion: Occasion) -> list[str]:
        """Delete what plugins keep of a person of this workspace; those that failed to, by name."""
        await self._database.write(plugin_values.forget_scope, user_scope(channel, person))
        failed = []
        for live in self._plugins.values():
            handler = live.loaded.plugin.forget_handler
            if handler is None:
                continue
            try:
                await self._call(live.name, "forget", handler, occasion, FORGET_S, person)
            except Exception as error:
                log.error("plugin did not forget", plugin=live.name, why=str(error))
                failed.append(live.name)
        return failed

    async def _call(
        self,
        plugin: str,
        what: str,
        handler: Callable[..., Any],
        occasion: Occasion,
        timeout_s: float,
        *args: Any,
        named: Mapping[str, Any] = _NOTHING,
    ) -> Any:
        """Call a handler with a context and these arguments; `named` are the author's own names."""
        live = self._plugins[plugin]
        if live.down:
            raise PluginFailed(plugin, what, "can't run, because its lifespan did not begin")
        bound = functools.partial(handler, self._context(live, occasion), *args, **named)
        return await live.shield.call(what, bound, timeout_s=timeout_s)

    def _on(self, occasion: Occasion) -> Iterable[Live]:
        return (live for live in self._plugins.values() if self._is_on(live.name, occasion))

    def _is_on(self, plugin: str, occasion: Occasion) -> bool:
        live = self._plugins[plugin]
        return live.loaded.options.required or occasion.switches.get(plugin, True)

    def _context(self, live: Live, occasion: Occasion) -> Context[Any, Any]:
        return Context(
            plugin=live.name,
            settings=live.loaded.settings,
            state=live.state,
            store=DatabaseStore(
                database=self._database,
                plugin=live.name,
                channel=occasion.channel,
                person=occasion.person,
            ),
            claude=self._claude.bound(
                models=occasion.models,
                attribution=occasion.attribution(live.name),
                books=occasion.books,
                deadline_s=occasion.deadline_s,
            ),
            log=structlog.get_logger(f"plugin.{live.name}").bind(plugin=live.name),
            now=self._database.now,
            sleep=self._clock.sleep,
            role=occasion.role,
            turn_id=occasion.turn_id,
            maybe_message=occasion.message,
            maybe_channel=occasion.channel,
            maybe_person=occasion.person,
            around=occasion.around(live.name),
        )


def _said(text: str) -> str:
    """What plugin code says, as the engine can write it down and show it."""
    if len(text) > MAX_SAID_CHARS:
        text = f"{text[:MAX_SAID_CHARS]}\n[cut off here: the text has {len(text):,} characters]"
    return storable(text)


def _is_whole(result: Answer | Ask) -> bool:
    """Whether what a handler returned is what it is declared to be."""
    files = result.files if isinstance(result, Answer) else ()
    return isinstance(result.text, str) and all(isinstance(each, File) for each in files)


def _listed(found: Any) -> list[ToolSpec]:
    if not isinstance(found, Sequence):
        return []
    return [each for each in found if isinstance(each, ToolSpec)]
