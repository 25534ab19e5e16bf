"""Every setting in force, with where it came from, and no secret."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from config.environment import VARIABLES, HttpAddress, without_password
from config.override_variables import NOT_IN_FILE
from config.phrases import looks_secret
from config.problems import SettingPath, key_text
from config.settings import Settings

HIDDEN, UNSET = "set (hidden)", "not set"

# Plugins keep what they like in their tables; a name like these says that it is nobody's business.
_SECRET_NAME = re.compile(r"key|token|secret|passw|credential|auth|^env$|^headers$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting: its key or variable, its value as JSON can hold it, and where it came from."""

    key: str
    value: Any
    origin: str


def entries(settings: Settings) -> Iterator[Entry]:
    """All settings in the order of `defaults.toml`, then the variables."""
    for name in type(settings).model_fields:
        if name not in NOT_IN_FILE:
            for path, value in _leaves(getattr(settings, name), (name,)):
                yield Entry(key_text(path), _public(path, value), str(settings.origin_of(path)))
    for variable, path in VARIABLES.items():
        value = getattr(getattr(settings, path[0]), path[1])
        yield Entry(variable, _public(path, value), str(settings.origin_of(path)))


def _leaves(value: Any, path: SettingPath) -> Iterator[tuple[SettingPath, Any]]:
    if isinstance(value, BaseModel):
        yield from _leaves({name: getattr(value, name) for name in _names(value, path)}, path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | tuple) and any(isinstance(v, BaseModel | Mapping) for v in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _names(section: BaseModel, path: SettingPath) -> list[str]:
    """The keys to show: of the settings of one workspace or channel only those that are given."""
    given = section.model_fields_set
    only_given = path[0] in ("workspaces", "channels")
    return [name for name in type(section).model_fields if name in given or not only_given]


def _public(path: SettingPath, value: Any) -> Any:
    """The value without anything secret in it, as JSON can hold it."""
    if path[0] == "secrets":
        return UNSET if value is None else HIDDEN
    if path[0] == "plugins" and any(_SECRET_NAME.search(str(step)) for step in path[2:]):
        return HIDDEN
    if looks_secret(value):
        return HIDDEN
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if path[0] in ("environment", "telemetry") and isinstance(value, str | HttpAddress):
        return without_password(str(value))
    return to_jsonable_python(value)
