"""A `.env` file: `NAME=value`, one a line."""

from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from config.problems import Problem


@dataclass(frozen=True, slots=True)
class DotenvEntry:
    """One variable as the file gives it, and where, such as `.env:3`."""

    name: str
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class DotenvFile:
    """The entries of a `.env` file and what is wrong with it."""

    entries: tuple[DotenvEntry, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_dotenv(path: Path) -> DotenvFile:
    """Read the file; no file is an empty one. Nothing is expanded: a `$` in a secret is a `$`."""
    if not path.exists():
        return DotenvFile()
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        what = f"can't be read: {reason}"
        return DotenvFile(problems=(Problem(path.name, "", what, "correct or remove it"),))
    return DotenvFile(
        entries=tuple(
            DotenvEntry(binding.key, (binding.value or "").strip(), _place(path, binding))
            for binding in bindings
            if binding.key
        ),
        problems=tuple(
            Problem(_place(path, binding), "", "is not NAME=value", "correct or remove the line")
            for binding in bindings
            if binding.error
        ),
    )


def _place(path: Path, binding: Binding) -> str:
    text = binding.original.string  # it begins with the blank lines before the binding
    blank_lines = text[: len(text) - len(text.lstrip())].count("\n")
    return f"{path.name}:{binding.original.line + blank_lines}"
