"""What plugin code answers with."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_FILE_BYTES = 10 * 1024 * 1024
"""The smallest of the platforms' limits
(https://discord.com/developers/docs/reference#uploading-files)."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be sent along, at most `MAX_FILE_BYTES` large."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"

    @classmethod
    def of_text(cls, name: str, text: str, media_type: str = "text/plain") -> "File":
        """A file of text, in UTF-8."""
        return cls(name, text.encode(), media_type)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command or a job says: Markdown, and perhaps files. A plain string does as well."""

    text: str
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """What a command returns that wants Claude to answer `text` as if the person had said it."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings, which can become Markdown or a file."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def markdown(self) -> str:
        """A Markdown table; line breaks and bars in a cell are made harmless."""
        lines = [
            _line(self.columns),
            _line(["---"] * len(self.columns)),
            *(_line(row) for row in self.rows),
        ]
        return "\n".join(lines)

    def csv_file(self, name: str) -> File:
        """A CSV file (RFC 4180). Cells that a spreadsheet would take for a formula get a quote in front
        (https://owasp.org/www-community/attacks/CSV_Injection)."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(self.columns)
        writer.writerows([_no_formula(cell) for cell in row] for row in self.rows)
        return File.of_text(name, out.getvalue(), "text/csv")

    def json_file(self, name: str) -> File:
        """A JSON file: a list with one object for each row."""
        objects: list[Mapping[str, object]] = [
            dict(zip(self.columns, row, strict=True)) for row in self.rows
        ]
        text = json.dumps(objects, indent=2, ensure_ascii=False, default=str)
        return File.of_text(name, text, "application/json")


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")


def _no_formula(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value
