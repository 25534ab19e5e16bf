"""The items of a batch: lines of text, JSON values one a line, or rows of a CSV file."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from bot.batch.errors import BatchUnusable

Kind = Literal["lines", "jsonl", "csv"]

MAX_ITEMS = 1_000_000
MAX_BYTES = 1_000_000_000

ITEM = "item"
"""The field that stands for an item as a whole."""

_KINDS: Mapping[str, Kind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One item; `number` counts from 1. `given` is what stood in the file, `fields` what a prompt can
    name."""

    number: int
    given: str | Mapping[str, Any]
    fields: Mapping[str, str]

    @property
    def text(self) -> str:
        """The item as it is put to Claude where the prompt names no field."""
        if isinstance(self.given, str):
            return self.given
        return "\n".join(f"{name}: {self.fields[name]}" for name in self.given)


def kind_of(name: str) -> Kind:
    """What a file of this name holds; lines, if its ending does not say."""
    return _KINDS.get(PurePath(name).suffix.lower(), "lines")


def read_items(content: bytes, *, name: str, kind: Kind) -> list[Item]:
    """The items in a file's content. Empty lines are none.

    Raises:
        BatchUnusable: it is not what it is said to be; the message names the line.
    """
    if len(content) > MAX_BYTES:
        raise BatchUnusable(f"{name} is larger than {MAX_BYTES:,} bytes; divide it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BatchUnusable(
            f"{name} is not UTF-8 (byte {error.start:,}); convert it first"
        ) from error
    match kind:
        case "lines":
            found = _lines(text)
        case "jsonl":
            found = _values(text, name)
        case "csv":
            found = _rows(text, name, "\t" if name.lower().endswith(".tsv") else ",")
    items = [Item(number, given, fields) for number, (given, fields) in enumerate(found, start=1)]
    if not 1 <= len(items) <= MAX_ITEMS:
        raise BatchUnusable(
            f"{name} has {len(items):,} items; there must be between one and {MAX_ITEMS:,}"
        )
    return items


Read = tuple[str | Mapping[str, Any], Mapping[str, str]]


def _lines(text: str) -> Iterator[Read]:
    for line in text.splitlines():
        if line.strip():
            yield line, {ITEM: line}


def _values(text: str, name: str) -> Iterator[Read]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BatchUnusable(f"{name}, line {number}: it is no JSON ({error})") from error
        if isinstance(value, dict):
            yield value, {ITEM: line.strip(), **{key: _plain(each) for key, each in value.items()}}
        else:
            yield _plain(value), {ITEM: _plain(value)}


def _rows(text: str, name: str, delimiter: str) -> Iterator[Read]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(reader, []), name)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(columns):
                raise BatchUnusable(
                    f"{name}, line {reader.line_num}: it has {len(row)} fields, and the heading has "
                    f"{len(columns)}"
                )
            fields = dict(zip(columns, row, strict=True))
            yield fields, {ITEM: json.dumps(fields, ensure_ascii=False), **fields}
    except csv.Error as error:
        raise BatchUnusable(f"{name}, line {reader.line_num}: {error}") from error


def _columns(heading: list[str], name: str) -> list[str]:
    columns = [each.strip() for each in heading]
    double = next((each for each in columns if columns.count(each) > 1), None)
    if double is not None or not all(columns):
        what = f'two columns named "{double}"' if double else "a column without a name"
        raise BatchUnusable(f"{name} has {what}; each needs a name of its own in the first line")
    return columns


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
