"""The reference of all settings, as a page: made from `defaults.toml` and `.env.example`, where each is
explained once."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent

INTRO: Final = """\
# Configuration

<!-- Made by `make docs` from config/defaults.toml and config/.env.example: change those. -->

Every setting has a default. What you change stands in `parley.toml` in the folder where Parley is
started, or in the file that `PARLEY_CONFIG` names:

```sh
.venv/bin/parley config show     # every setting in force, and where it comes from
.venv/bin/parley config check    # every mistake at once, with file, key and remedy
```

A key of a section can also be set by a variable, which beats the file: `PARLEY_CLAUDE__MODEL` is `model`
in `[claude]`. Secrets and addresses come from the [environment](#environment) or from `.env`, never from
this file.
"""

ENVIRONMENT: Final = """\
## Environment

Secrets and addresses. A variable of the environment beats its line in `.env`, and an empty one counts as
not set. A platform whose tokens are absent is not started.

| variable | default | what it is |
| --- | --- | --- |
"""

_GROUP = re.compile(r"# -- (.+?) -+")
_SECTION = re.compile(r"\[\[?([\w.]+)\]?\]")
_KEY = re.compile(r"(\w+) = (.+)")


@dataclass(slots=True)
class _Section:
    """A table of the file: what stands before it, its keys, and examples that are commented out."""

    title: str
    intro: str = ""
    keys: list[tuple[str, str, str]] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)


def reference(folder: Path = FOLDER) -> str:
    """The page, in Markdown. `folder` has the two files."""
    defaults = (folder / "defaults.toml").read_text(encoding="utf-8")
    variables = (folder / ".env.example").read_text(encoding="utf-8")
    return "\n".join([INTRO, *_groups(defaults), _environment(variables)])


def _groups(toml: str) -> list[str]:
    """The file from its first group on, as headings, tables and examples."""
    pages: list[str] = []
    for name, body in _split(toml):
        pages.append(f"## {name}\n")
        pages += [_shown(section) for section in _sections(body)]
    return pages


def _split(toml: str) -> list[tuple[str, str]]:
    parts = re.split(_GROUP.pattern + r"\n", toml)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def _sections(body: str) -> list[_Section]:
    """What stands between blank lines belongs together: a comment, a table, examples."""
    return [_section(block.splitlines()) for block in re.split(r"\n\s*\n", body.strip()) if block]


def _section(lines: list[str]) -> _Section:
    found, said = _Section(""), list[str]()
    for line in lines:
        if line.startswith("# ") or line == "#":
            said.append(line[2:])
        elif line.startswith("#"):
            found.examples.append(line[1:])
        elif match := _SECTION.fullmatch(line):
            found.title, found.intro, said = match[0], " ".join(said), []
        elif match := _KEY.fullmatch(line):
            found.keys.append((match[1], match[2], " ".join(said)))
            said = []
    if not found.title:
        found.intro = " ".join(said)
    return found


def _shown(section: _Section) -> str:
    parts = [f"### `{section.title}`\n"] if section.title else []
    if section.intro:
        parts.append(f"{section.intro}\n")
    if section.keys:
        parts.append("| key | default | what it does |\n| --- | --- | --- |")
        parts += [
            f"| `{key}` | `{_cell(value)}` | {_cell(said)} |" for key, value, said in section.keys
        ]
        parts.append("")
    if section.examples:
        parts.append("```toml\n" + "\n".join(section.examples) + "\n```\n")
    return "\n".join(parts)


def _environment(variables: str) -> str:
    rows, said = [], list[str]()
    for line in variables.splitlines():
        if line.startswith("# "):
            said.append(line[2:])
        elif match := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            default = f"`{match[2]}`" if match[2] else ""
            rows.append(f"| `{match[1]}` | {default} | {_cell(' '.join(said))} |")
            said = []
        elif not line:
            said = []
    return ENVIRONMENT + "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
