"""Everything an operator wrote that settings are read from, and where each key stands in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from config.dotenv_file import read_dotenv
from config.environment import VARIABLES
from config.layers import Layer, Origin, dotenv_layer, environment_layer, file_layer
from config.override_variables import NOT_IN_FILE
from config.problems import Problem, SettingPath, SettingsError, key_text
from config.spelling import misspelt_variables
from config.toml_file import TomlFile, read_toml

DEFAULT_FILE = "parley.toml"
DOTENV_FILE = ".env"

_VARIABLE_OF: dict[SettingPath, str] = {path: name for name, path in VARIABLES.items()}


@dataclass(frozen=True, slots=True)
class Sources:
    """The layers, the strongest first, the settings file if there is one, and what is wrong or odd
    about them so far."""

    layers: tuple[Layer, ...]
    file: TomlFile | None
    file_path: Path | None
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]

    def origins(self) -> dict[SettingPath, Origin]:
        """The origin of every value, the stronger layer's where several give one."""
        return {
            path: origin
            for layer in reversed(self.layers)
            for path, origin in layer.origins.items()
        }

    def where(self, path: SettingPath) -> str:
        """Where a message about the key at the path should point: to its value, or to the table it
        is in, or else to the first thing in it."""
        origins = self.origins()
        if path in origins:
            origin = origins[path]
            named = origin.source == "environment" and path in _VARIABLE_OF
            return origin.source if named else str(origin)
        if self.file and any(path[:end] in self.file.lines for end in range(1, len(path) + 1)):
            return self.file.where(path)
        below = (str(origin) for key, origin in origins.items() if key[: len(path)] == path)
        return next(below, "defaults")

    def key(self, path: SettingPath) -> str:
        """How a message should call the key at the path."""
        return _VARIABLE_OF.get(path) or key_text(path)


def read_sources(environ: Mapping[str, str], cwd: Path, shape: type[BaseModel]) -> Sources:
    """Read everything that settings of this shape are made of. Raises nothing: what can't be read
    is among the problems."""
    dotenv = read_dotenv(cwd / DOTENV_FILE)
    secrets = dotenv_layer(dotenv)
    environment, problems = environment_layer(environ, shape)
    problems.extend(dotenv.problems)
    path = _file_path((environment, secrets), cwd)
    file = _read_file(path, cwd, problems)
    layers = (environment, secrets, file_layer(file) if file else Layer())
    places = {entry.name: entry.place for entry in dotenv.entries}
    places |= dict.fromkeys(environ, "environment")
    known_set = [_VARIABLE_OF[p] for layer in layers for p in layer.origins if p in _VARIABLE_OF]
    warnings = misspelt_variables(places, known_set)
    return Sources(layers, file, path, tuple(problems), tuple(warnings))


def _file_path(layers: tuple[Layer, ...], cwd: Path) -> Path | None:
    """The file that `PARLEY_CONFIG` names, else `parley.toml` if it is there."""
    for layer in layers:
        named = layer.values.get("environment", {}).get("config_file")
        if named:
            return cwd / Path(named).expanduser()
    default = cwd / DEFAULT_FILE
    return default if default.exists() else None


def _read_file(path: Path | None, cwd: Path, problems: list[Problem]) -> TomlFile | None:
    if path is None:
        return None
    name = str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
    try:
        file = read_toml(path, name=name, fraction=float)
    except SettingsError as error:
        problems.extend(error.problems)
        return None
    problems.extend(_refuse_what_is_no_section(file))
    return file


def _refuse_what_is_no_section(file: TomlFile) -> list[Problem]:
    problems = []
    for name in NOT_IN_FILE:
        if name in file.values:
            del file.values[name]
            remedy = "remove it, and set such values in the environment or in .env"
            problems.append(Problem(file.where((name,)), name, "is not a setting", remedy))
    return problems
