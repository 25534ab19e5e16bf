"""Environment variables that set a key of the settings file: `PARLEY_CLAUDE__MODEL`."""

import tomllib
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from config.problems import Problem, SettingPath, did_you_mean
from config.shape import annotation_at, key_paths

NOT_IN_FILE = ("secrets", "environment", "models", "origins", "warnings")
"""Attributes of the settings that neither the file nor these variables can set."""

_PREFIX = "PARLEY_"
_SEPARATOR = "__"
_PLUGINS = "plugins"


class OverrideVariables:
    """The variables `PARLEY_SECTION__KEY` for the keys of `shape`, and `PARLEY_PLUGINS__NAME__KEY`.

    Lists of tables and the settings of single workspaces and channels have no variables.
    """

    def __init__(self, shape: type[BaseModel]) -> None:
        self._shape = shape
        self._paths: dict[str, SettingPath] = {
            variable_of(path): path
            for path in key_paths(shape)
            if len(path) == 2 and path[0] not in NOT_IN_FILE
        }

    def path_of(self, name: str) -> SettingPath | Problem | None:
        """The key that the variable sets; a problem if it looks as if it should set one but there
        is no such key; None if it is no affair of ours.

        Only names with a double underscore look so: Kubernetes sets others, such as `PARLEY_PORT`.
        """
        if not name.startswith(_PREFIX) or _SEPARATOR not in name:
            return None
        if name in self._paths:
            return self._paths[name]
        steps = name.removeprefix(_PREFIX).lower().split(_SEPARATOR)
        if steps[0] == _PLUGINS and len(steps) == 3 and all(steps):
            return tuple(steps)
        remedy = did_you_mean(name, self._paths, otherwise="remove it", closeness=0.8)
        return Problem(where=name, key="", what="sets nothing", remedy=remedy)

    def value_of(self, path: SettingPath, text: str) -> Any:
        """The variable's text as the key wants it: as it is where the key takes a text, otherwise
        read as TOML (`5`, `true`, `["a", "b"]`)."""
        annotation = annotation_at(self._shape, path)
        if annotation is not None and _takes(annotation, text):
            return text
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text


def variable_of(path: tuple[str, ...]) -> str:
    """The name of the variable that sets the key."""
    return _PREFIX + _SEPARATOR.join(path).upper()


def _takes(annotation: Any, text: str) -> bool:
    try:
        TypeAdapter(annotation, config=ConfigDict(strict=True)).validate_python(text)
    except ValidationError:
        return False
    return True
