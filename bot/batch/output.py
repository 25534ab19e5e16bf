"""The results of a batch as a file, in the order of the items."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bot.batch.items import ITEM, Item
from bot.batch.records import Done, Record
from bot.money.amounts import dollars

Form = Literal["jsonl", "csv", "text"]


@dataclass(frozen=True, slots=True)
class Line:
    """An item and what became of it; None if it was not asked about yet."""

    item: Item
    record: Record | None

    @property
    def outcome(self) -> str:
        """`answered`, `refused`, `cut_off`, `failed` or `left`."""
        if isinstance(self.record, Done):
            return self.record.outcome
        return "left" if self.record is None else "failed"

    @property
    def answer(self) -> str | None:
        """The answer's text, if there is one."""
        return self.record.text if isinstance(self.record, Done) else None

    @property
    def error(self) -> str | None:
        """Why there is none."""
        return None if self.record is None or isinstance(self.record, Done) else self.record.message


def written(lines: Sequence[Line], form: Form) -> str:
    """The whole output."""
    match form:
        case "jsonl":
            return "".join(f"{json.dumps(_object(each), ensure_ascii=False)}\n" for each in lines)
        case "csv":
            return _csv(lines)
        case "text":
            return "".join(f"{' '.join((each.answer or '').split())}\n" for each in lines)


def save(text: str, path: Path) -> None:
    """Write the file at once or not at all. Raises `OSError`."""
    partial = path.with_name(f"{path.name}.part")
    with partial.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _object(line: Line) -> Mapping[str, Any]:
    said: dict[str, Any] = {
        "number": line.item.number,
        "item": line.item.given,
        "outcome": line.outcome,
        "answer": line.answer,
    }
    match line.record:
        case Done() as done:
            said["model"] = done.model
            said["input_tokens"] = done.usage.prompt_tokens
            said["output_tokens"] = done.usage.output_tokens
            said["cost_usd"] = None if done.cost_nanousd is None else dollars(done.cost_nanousd)
        case None:
            pass
        case failed:
            said["error"] = {"kind": failed.kind, "message": failed.message}
    return said


def _csv(lines: Sequence[Line]) -> str:
    columns = _columns(lines)
    answer, outcome, error = (_free(name, columns) for name in ("answer", "outcome", "error"))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*columns, answer, outcome, error])
    for line in lines:
        cells = [_cell(line.item, column) for column in columns]
        writer.writerow([*cells, _no_formula(line.answer or ""), line.outcome, line.error or ""])
    return out.getvalue()


def _columns(lines: Iterable[Line]) -> list[str]:
    names = (name for line in lines for name in _names(line.item))
    return list(dict.fromkeys(names))


def _names(item: Item) -> Iterator[str]:
    yield from (ITEM,) if isinstance(item.given, str) else item.given


def _cell(item: Item, column: str) -> str:
    return item.fields.get(column, "") if column in set(_names(item)) else ""


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, or one with a number behind it if a column of the input has it."""
    candidates = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in candidates if each not in taken)


def _no_formula(text: str) -> str:
    """What a spreadsheet would take for a formula gets a quote in front; numbers are left alone
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    if text[:1] not in ("=", "+", "-", "@", "\t", "\r"):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
