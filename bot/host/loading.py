"""Finding and loading plugins: installed packages, and files in the operator's folder."""

import functools
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import structlog
from pydantic import BaseModel

from bot.host.bounded import bounded
from bot.host.options import PluginOptions, divided, settings_of
from bot.installed import offered
from bot.plugins import Plugin, PluginError
from bot.plugins.declarations import AdapterSpec, CommandSpec, ToolSpec

log = structlog.get_logger(__name__)

GROUP = "parley.plugins"

IMPORT_S = 20.0
"""How long the import of a plugin may take; the longest known take three."""


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that is there, not imported yet."""

    name: str
    origin: str
    """`package 1.2` or a path."""
    entry: EntryPoint | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that is ready to be used."""

    plugin: Plugin[Any, Any]
    settings: BaseModel
    options: PluginOptions
    origin: str
    folder: Path
    """Where its code lies."""

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.plugin.name


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that can't be used, and why."""

    name: str
    origin: str
    why: str
    required: bool


@dataclass(frozen=True, slots=True)
class Loading:
    """What came of it."""

    loaded: tuple[Loaded, ...]
    broken: tuple[Broken, ...]
    disabled: tuple[Found, ...]

    @property
    def missing_guards(self) -> tuple[Broken, ...]:
        """Those without which nothing may start."""
        return tuple(each for each in self.broken if each.required)


def find(*, folder: Path | None, allow: Sequence[str]) -> list[Found]:
    """All plugins that are there and allowed (`*` allows all), by name, installed ones first."""
    found = [*_installed(), *(_in_folder(folder) if folder is not None else ())]
    return [each for each in found if "*" in allow or each.name in allow]


def load_all(found: Iterable[Found], sections: Mapping[str, Mapping[str, Any]]) -> Loading:
    """Load what is enabled. A plugin that is broken, or collides with one loaded before it, is left
    out and reported; so is one that is required and not there."""
    loaded: list[Loaded] = []
    broken: list[Broken] = []
    disabled: list[Found] = []
    for each in found:
        section = sections.get(each.name, {})
        try:
            candidate = load(each, section)
            if candidate is None:
                disabled.append(each)
                continue
            _collide(candidate, loaded)
        except PluginError as error:
            broken.append(Broken(each.name, each.origin, str(error), _is_required(section)))
        else:
            loaded.append(candidate)
    known = {each.name for each in loaded} | {each.name for each in broken}
    known |= {each.name for each in disabled}
    for name, section in sections.items():
        if name not in known:
            why = "no plugin of this name is installed or allowed; look at its spelling"
            broken.append(Broken(name, f"[plugins.{name}]", why, _is_required(section)))
    return Loading(tuple(loaded), tuple(broken), tuple(disabled))


def load(found: Found, section: Mapping[str, Any]) -> Loaded | None:
    """Load one plugin; None if it is not enabled. Raises `PluginError`."""
    options, own = divided(section, plugin=found.name)
    if options.enabled is False:
        return None
    module, plugin = _imported(found)
    if plugin.name != found.name:
        raise PluginError(
            f'{found.origin}: it is found as "{found.name}" but calls itself "{plugin.name}"; '
            "make the two the same"
        )
    if options.enabled is None and not plugin.on_by_default:
        return None
    return Loaded(
        plugin=plugin,
        settings=settings_of(plugin.settings_type, own, plugin=plugin.name),
        options=_with_known_roles(options, plugin),
        origin=found.origin,
        folder=_folder(module),
    )


def _installed() -> Iterator[Found]:
    package = functools.cache(_package)  # its papers are read once, however many plugins it has
    for entry in sorted(offered(GROUP), key=lambda each: each.name):
        origin = entry.value if entry.dist is None else package(entry.dist)
        yield Found(entry.name, origin, entry=entry)


def _package(dist: Distribution) -> str:
    return f"{dist.name} {dist.version}"


def _in_folder(folder: Path) -> Iterator[Found]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        file = path / "__init__.py" if path.is_dir() else path
        if file.suffix == ".py" and file.is_file():
            yield Found(path.stem, str(path), file=file)


def _imported(found: Found) -> tuple[ModuleType, Plugin[Any, Any]]:
    """The module and its plugin. Whatever its import raises, even `SystemExit`, is a `PluginError`, and so
    is an import that does not end."""
    try:
        module, plugin = bounded(functools.partial(_read, found), timeout_s=IMPORT_S)
    except PluginError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        log.debug("plugin import failed", plugin=found.name, exc_info=error)
        raise PluginError(
            f"{found.origin}: importing it failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(plugin, Plugin):
        raise PluginError(f"{found.origin}: it has no `plugin = Plugin(…)`")
    return module, plugin


def _read(found: Found) -> tuple[ModuleType, Any]:
    if found.entry is not None:
        plugin = found.entry.load()
        return sys.modules[found.entry.module], plugin
    module = _module_of(found)
    return module, getattr(module, "plugin", None)


def _module_of(found: Found) -> ModuleType:
    assert found.file is not None, "what is not installed is a file"
    name = f"parley_plugin_{found.name}"
    spec = importlib.util.spec_from_file_location(name, found.file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{found.origin} can't be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _folder(module: ModuleType) -> Path:
    """Where its code is: a package's folder, or the one file."""
    file = Path(module.__file__ or ".").resolve()
    return file.parent if file.name == "__init__.py" else file


def _collide(candidate: Loaded, others: Iterable[Loaded]) -> None:
    """Raises `PluginError` if a name is taken: who is called must never depend on chance."""
    plugin = candidate.plugin
    for other in others:
        if other.name == candidate.name:
            raise PluginError(
                f"{candidate.origin}: {other.origin} has a plugin of that name as well"
            )
        for what, mine, theirs in (
            ("platform ", plugin.adapters, other.plugin.adapters),
            ("command /", plugin.commands, other.plugin.commands),
        ):
            taken = next((name for name in _names(mine) if name in _names(theirs)), None)
            if taken is not None:
                raise PluginError(
                    f"{candidate.origin}: its {what}{taken} is plugin {other.name}'s; "
                    "disable one of the two"
                )
    for what, names in (("commands", _names(plugin.commands)), ("tools", _names(plugin.tools))):
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise PluginError(f"{candidate.origin}: two of its {what} are named {double}")


def _names(specs: Iterable[CommandSpec | ToolSpec | AdapterSpec]) -> list[str]:
    return [each.name for each in specs]


def _with_known_roles(options: PluginOptions, plugin: Plugin[Any, Any]) -> PluginOptions:
    known = {each.name for each in plugin.commands}
    known |= {each.name.removeprefix(f"{plugin.name}__") for each in plugin.tools}
    unknown = sorted(set(options.roles) - known)
    if unknown and not plugin.tool_sources:
        raise PluginError(
            f"[plugins.{plugin.name}] roles: it has no command or tool named {unknown[0]}; "
            f"there are {', '.join(sorted(known)) or 'none'}"
        )
    return options


def _is_required(section: Mapping[str, Any]) -> bool:
    return section.get("required") is True
