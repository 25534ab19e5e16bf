"""Fenced code in Markdown, by CommonMark's rules of fenced code blocks
(https://spec.commonmark.org/0.31.2/#fenced-code-blocks), but at any depth of indentation, since chat
platforms ask for none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FENCE_CHARS: Final = 3
"""A fence has at least so many backticks or tildes."""

_OPENING = re.compile(
    r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?P<marker>`{3,}|~{3,})[ \t]*(?P<info>[^\n]*)"
)
_CLOSING = re.compile(r"[ \t]*(?P<marker>`{3,}|~{3,})\s*\Z")


@dataclass(frozen=True, slots=True)
class Fence:
    """What opens a block of code, and how that is closed again."""

    marker: str
    language: str


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A block of code: from its opening fence at `start` up to `end`, behind its closing fence or at the
    end of the text; `code` is what stands between, less the indentation of the fence."""

    start: int
    end: int
    language: str
    code: str


def fence_after(fence: Fence | None, line: str) -> Fence | None:
    """The fence that is open after `line`, if `fence` was open before it."""
    if fence is not None:
        closing = _CLOSING.match(line)
        return None if closing and closing["marker"].startswith(fence.marker) else fence
    opening = _OPENING.match(line)
    if opening is None or (opening["marker"][0] == "`" and "`" in opening["info"]):
        return None
    words = opening["info"].split(maxsplit=1)
    return Fence(opening["marker"], words[0] if words else "")


def code_blocks(markdown: str) -> Iterator[CodeBlock]:
    """The blocks of code in their order; the last one may not be closed yet."""
    fence: Fence | None = None
    start = indent = position = 0
    lines: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", markdown):
        before, fence = fence, fence_after(fence, line.removesuffix("\n"))
        if before is None and fence is not None:
            indent = line.index(fence.marker)
            start, lines = position + indent, []
        elif before is not None and fence is not None:
            lines.append(_less_indented(line, indent))
        elif before is not None:
            end = position + len(line.removesuffix("\n"))
            yield CodeBlock(start, end, before.language, "".join(lines))
        position += len(line)
    if fence is not None:
        yield CodeBlock(start, len(markdown), fence.language, "".join(lines))


def closed(markdown: str) -> str:
    """The text with its last block of code closed, so that what is written below it is no code."""
    fence: Fence | None = None
    for line in markdown.split("\n"):
        fence = fence_after(fence, line)
    if fence is None:
        return markdown
    return f"{markdown}{fence.marker}" if markdown.endswith("\n") else f"{markdown}\n{fence.marker}"


def _less_indented(line: str, indent: int) -> str:
    spaces = len(line) - len(line.lstrip(" \t"))
    return line[min(indent, spaces) :]
