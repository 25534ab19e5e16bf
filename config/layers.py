"""The layers that settings are made of, each value with where it came from.

A layer is a nested table in the shape of the settings. There are three above the defaults: the TOML
file; the environment; and, for what the environment lacks, `.env`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from config.dotenv_file import DotenvFile
from config.environment import VARIABLES
from config.override_variables import OverrideVariables
from config.problems import Problem, SettingPath
from config.toml_file import TomlFile, leaves


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `place` is a file with its line, or the name of a variable."""

    source: Literal["default", "file", "environment", ".env"]
    place: str = ""

    def __str__(self) -> str:
        if self.source == "environment":
            return f"environment ({self.place})"
        return self.place or "default"


DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class Layer:
    """Values in the shape of the settings, and the origin of each."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[SettingPath, Origin] = field(default_factory=dict)

    def put(self, path: SettingPath, value: object, origin: Origin) -> None:
        """Set the value at a path of table keys."""
        table = self.values
        for step in path[:-1]:
            table = table.setdefault(str(step), {})
        table[str(path[-1])] = value
        self.origins[path] = origin

    def drop(self, path: SettingPath) -> bool:
        """Take away the value at the path; a list goes as a whole. True if there was one."""
        steps = path[: _first_index(path)]
        table: Any = self.values
        for step in steps[:-1]:
            table = table.get(step) if isinstance(table, dict) else None
        if not steps or not isinstance(table, dict) or steps[-1] not in table:
            return False
        del table[steps[-1]]
        return True


def file_layer(file: TomlFile) -> Layer:
    """What the settings file says."""
    origins = {path: Origin("file", file.where(path)) for path, _ in leaves(file.values) if path}
    return Layer(file.values, origins)


def environment_layer(
    environ: Mapping[str, str], shape: type[BaseModel]
) -> tuple[Layer, list[Problem]]:
    """What the environment says of settings of this shape: the variables read by name, and
    `PARLEY_SECTION__KEY`. An empty variable counts as not set."""
    layer, problems = Layer(), list[Problem]()
    overrides = OverrideVariables(shape)
    for name, text in environ.items():
        path = VARIABLES.get(name) or overrides.path_of(name)
        if path is None or not text.strip():
            continue
        if isinstance(path, Problem):
            problems.append(path)
        else:
            value = text.strip() if name in VARIABLES else overrides.value_of(path, text.strip())
            layer.put(path, value, Origin("environment", name))
    return layer, problems


def dotenv_layer(file: DotenvFile) -> Layer:
    """What `.env` says of the variables that are read by name; an empty one counts as not set."""
    layer = Layer()
    for entry in file.entries:
        if entry.name in VARIABLES and entry.text:
            layer.put(VARIABLES[entry.name], entry.text, Origin(".env", entry.place))
    return layer


def _first_index(path: SettingPath) -> int:
    return next((i for i, step in enumerate(path) if isinstance(step, int)), len(path))
