"""A TOML file whose values know the line they stand on."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from config.problems import Problem, SettingPath, SettingsError


@dataclass(frozen=True)
class TomlFile:
    """What a TOML file says. `name` is how messages call it."""

    name: str
    values: dict[str, Any]
    text: str

    @cached_property  # finding them takes ten times as long as reading the file
    def lines(self) -> Mapping[SettingPath, int]:
        """The line of every header and key, counted from 1."""
        return dict(_lines_of(self.text))

    def where(self, path: SettingPath) -> str:
        """`name:line` of the key; of the first thing in it, if it is a list that has no line of its
        own; or else of the nearest table around it that has one."""
        below = (line for key, line in self.lines.items() if key[: len(path)] == path)
        around = (self.lines.get(path[:length]) for length in range(len(path) - 1, 0, -1))
        line = self.lines.get(path) or next(below, None) or next(filter(None, around), None)
        return f"{self.name}:{line}" if line else self.name


def read_toml(
    path: Path, *, name: str | None = None, fraction: Callable[[str], Any] = Decimal
) -> TomlFile:
    """Read a TOML file. A number with a fraction becomes what `fraction` makes of its text.

    Raises:
        SettingsError: it can't be read, or is not TOML; the line is told.
    """
    name = name or str(path)
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text, parse_float=fraction)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _unreadable(
            name, f"can't be read: {reason}", "check the path and its rights"
        ) from error
    except UnicodeDecodeError as error:
        raise _unreadable(name, "is not UTF-8 text", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(name, f"is not valid TOML: {error}", "correct that line") from error
    return TomlFile(name=name, values=values, text=text)


def leaves(values: Any, path: SettingPath = ()) -> Iterator[tuple[SettingPath, Any]]:
    """Every value that is not a table or a list of tables, with its path; empty tables too."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    elif isinstance(values, list) and values and all(isinstance(v, dict) for v in values):
        for index, value in enumerate(values):
            yield from leaves(value, (*path, index))
    else:
        yield path, values


def _unreadable(name: str, what: str, remedy: str) -> SettingsError:
    return SettingsError([Problem(where=name, key="", what=what, remedy=remedy)])


def _lines_of(text: str) -> Iterator[tuple[SettingPath, int]]:
    """The line of every header and key of a valid document.

    A statement is the shortest run of lines that is a valid document by itself, which is true of
    multi-line strings and arrays as well.
    """
    table: SettingPath = ()
    counts: dict[SettingPath, int] = {}
    for number, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _table_opened(parsed, counts)
            yield table, number
        else:
            for path, _ in leaves(parsed):
                yield (*table, *path), number


def _statements(text: str) -> Iterator[tuple[int, str]]:
    pending: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        pending.append(line)
        statement = "\n".join(pending)
        if _is_toml(statement):
            yield number - len(pending) + 1, statement
            pending = []


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _table_opened(parsed: dict[str, Any], counts: dict[SettingPath, int]) -> SettingPath:
    """The path of the table that a header opens; `[[x]]` opens the next one of a list, and `[x.y]`
    below it belongs to the last one opened."""
    path: SettingPath = ()
    node: Any = parsed
    while node:
        key, node = next(iter(node.items()))
        path = (*path, key)
        if isinstance(node, list):
            node = node[0]
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
