"""Cut a reply into platform messages: nothing is lost, and a cut once made is never moved.

A cut is made only when the text after the last one no longer fits into a message, and it depends on
nothing behind that point. So the parts before the last are the same for every longer text, which is
what lets a reply be shown while it is being written.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from bot.engine.fences import FENCE_CHARS, Fence, fence_after
from bot.ports import Capabilities

MIN_MAX_CHARS = 16
"""A platform with smaller messages than this leaves no room for a fence around a piece of code."""

_EARLIEST_FRACTION = 4  # a cut in the first quarter would leave a message that is hardly begun
_HALF_FENCE = re.compile(r"[ \t]*(?:`+|~{3,})[ \t]*\Z")
_BACKTICKS = re.compile(r"(?<!\\)`+")
_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of the text as it was written, and the fence lines that make it complete by itself.

    The `raw` of all slices together are the text, to the character.
    """

    raw: str
    opening: str = ""
    closing: str = ""

    @property
    def shown(self) -> str:
        """The Markdown of one platform message."""
        return (
            f"{self.opening}{self.raw}{self.closing}" if self.opening or self.closing else self.raw
        )

    @property
    def blank(self) -> bool:
        """There is nothing to see in it; platforms refuse such a message."""
        return not self.raw or self.raw.isspace()


class _Kind(IntEnum):
    """Where a line begins, the best place for a cut first."""

    PARAGRAPH = 0
    LINE = 1
    CODE_LINE = 2


@dataclass(frozen=True, slots=True)
class _Line:
    """A line's beginning, and what holds there."""

    start: int
    fence: Fence | None
    kind: _Kind


class Splitter:
    """Splits a growing text; what is settled is not looked at again.

    `capabilities.measure` must never count a text as smaller than a beginning of it.
    """

    def __init__(self, capabilities: Capabilities) -> None:
        if capabilities.max_chars < MIN_MAX_CHARS:
            raise ValueError(
                f"max_chars is {capabilities.max_chars}; it must be at least {MIN_MAX_CHARS}"
            )
        self._max_chars = capabilities.max_chars
        self._measure = capabilities.measure
        self._forget()

    def slices(self, text: str) -> list[Slice]:
        """The slices of `text`; all but the last are settled. A text that does not continue the one
        before is split from its beginning."""
        if not text.startswith(self._settled_text):
            self._forget()
        while not self._fits_whole(text):
            self._settle(text)
        rest = text[len(self._settled_text) :]
        return (
            [*self._settled, Slice(rest, self._wrap(self._fence)[0])] if rest else [*self._settled]
        )

    def parts(self, text: str) -> list[str]:
        """What to show: one Markdown text per message, each within the limit, none of them blank."""
        return [piece.shown for piece in self.slices(text) if not piece.blank]

    def _forget(self) -> None:
        self._settled: list[Slice] = []
        self._settled_text = ""
        self._fence: Fence | None = None
        self._mid_line = False

    def _settle(self, text: str) -> None:
        window = _Window(
            text=text,
            start=len(self._settled_text),
            end=self._furthest(text),
            fence=self._fence,
            mid_line=self._mid_line,
        )
        cut = next(position for position in window.cuts() if self._takes(window, position))
        raw, fence = text[window.start : cut], window.fence_at(cut)
        self._settled.append(Slice(raw, self._wrap(self._fence)[0], self._closing(raw, fence)))
        self._settled_text = text[:cut]
        self._fence = fence
        self._mid_line = not raw.endswith("\n")

    def _takes(self, window: "_Window", cut: int) -> bool:
        """The slice up to `cut` fits with its fences; one character is taken whatever happens."""
        raw = window.text[window.start : cut]
        closing = self._closing(raw, window.fence_at(cut))
        shown = f"{self._wrap(self._fence)[0]}{raw}{closing}"
        return self._measure(shown) <= self._max_chars or cut == window.start + 1

    def _fits_whole(self, text: str) -> bool:
        return self._furthest(text) >= len(text)

    def _furthest(self, text: str) -> int:
        """The largest end such that the text from the last cut up to it fits."""
        start, opening = len(self._settled_text), self._wrap(self._fence)[0]

        def fits(end: int) -> bool:
            return self._measure(opening + text[start:end]) <= self._max_chars

        low, high = start, min(start + self._max_chars, len(text))
        while fits(high):
            if high == len(text):
                return high
            low, high = high, min(high + self._max_chars, len(text))
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def _wrap(self, fence: Fence | None) -> tuple[str, str]:
        """How a fence is reopened and closed; not at all if that took half of a message."""
        if fence is None:
            return "", ""
        for language in (fence.language, ""):
            opening, closing = f"{fence.marker}{language}\n", f"\n{fence.marker}"
            if self._measure(opening + closing) <= self._max_chars // 2:
                return opening, closing
        return "", ""

    def _closing(self, raw: str, fence: Fence | None) -> str:
        closing = self._wrap(fence)[1]
        return closing.removeprefix("\n") if raw.endswith("\n") else closing


class _Window:
    """The stretch of text that the next slice is cut from, and the places for a cut, best first."""

    def __init__(
        self, *, text: str, start: int, end: int, fence: Fence | None, mid_line: bool
    ) -> None:
        self.text = text
        self.start = start
        self._end = end
        self._mid_line = mid_line
        self._earliest = start + (end - start) // _EARLIEST_FRACTION
        self._lines = list(_lines(text, start, end, fence, mid_line=mid_line))
        self._starts = [line.start for line in self._lines]

    def fence_at(self, position: int) -> Fence | None:
        """The fence that is open at `position`."""
        line = self._lines[bisect_right(self._starts, position) - 1]
        if (
            line.fence is not None
            or position == line.start
            or (self._mid_line and line.start == self.start)
        ):
            return line.fence
        return fence_after(line.fence, self.text[line.start : position])

    def cuts(self) -> Iterator[int]:
        """Every position a cut may have, best first."""
        for kind in _Kind:
            yield from (line.start for line in reversed(self._lines) if self._good(line, kind))
        yield from self._between_words()
        yield from self._anywhere()

    def _good(self, line: _Line, kind: _Kind) -> bool:
        return (
            line.kind is kind
            and line.start > self._earliest
            and not self.text[self.start : line.start].isspace()
        )

    def _between_words(self) -> Iterator[int]:
        """After a run of white space, the last one first; never where a fence line is torn or a mere
        run of backticks would come to stand at the beginning of a message."""
        ends = [m.end() for m in _WHITE_SPACE.finditer(self.text, self._earliest, self._end)]
        for position in reversed(ends):
            blank = self.text[self.start : position].isspace()
            if not blank and not self._tears_fence(position):
                yield position

    def _tears_fence(self, position: int) -> bool:
        line = self._lines[bisect_right(self._starts, position) - 1]
        before = self.text[line.start : position]
        # what stands behind the first character that no longer fits is not looked at: see the module
        behind = self.text[position : min(position + FENCE_CHARS, self._end + 1)]
        return fence_after(None, before) is not None or behind in (
            "```"[: len(behind)],
            "~~~"[: len(behind)],
        )

    def _anywhere(self) -> Iterator[int]:
        positions = range(self._end, self.start, -1)
        yield from (p for p in positions if p > self._earliest and not _joined(self.text, p))
        yield from positions
        yield self.start + 1


def split(markdown: str, capabilities: Capabilities) -> list[str]:
    """The messages that show `markdown`, each measuring at most `capabilities.max_chars`.

    Cuts are made between paragraphs, else lines, else words, else anywhere but inside a character
    made of several. A code block that is cut is closed and opened again in the next message.
    White space that would be a message by itself is left out; nothing else ever is.
    """
    return Splitter(capabilities).parts(markdown)


def show_unfinished(markdown: str) -> str:
    """What to show of a text that is still being written: open code is closed, and a fence or a
    backtick of which the other half has not come yet is held back."""
    fence, line_start, paragraph_start = _state_at_end(markdown)
    last_line = markdown[line_start:]
    if fence is None:
        view = markdown[:paragraph_start] + _close_inline(markdown[paragraph_start:])
        half = fence_after(None, last_line) or fence_after(None, view[line_start:])
        return markdown[:line_start] if half else view
    if fence_after(fence, last_line) is None:
        return markdown
    written = markdown[:line_start] if _HALF_FENCE.match(last_line) else markdown
    return written + fence.marker if written.endswith("\n") else f"{written}\n{fence.marker}"


def _close_inline(paragraph: str) -> str:
    opener: re.Match[str] | None = None
    for run in _BACKTICKS.finditer(paragraph):
        if opener is None:
            opener = run
        elif len(run[0]) == len(opener[0]):
            opener = None
    if opener is None or len(opener[0]) >= FENCE_CHARS:
        return paragraph  # a run as long as a fence could not be closed on a line of its own
    written = paragraph.rstrip("`")
    return written if len(written) <= opener.start() else written + opener[0]


def _state_at_end(markdown: str) -> tuple[Fence | None, int, int]:
    """The fence that the last line stands in, where that line begins, and where its paragraph does."""
    fence, paragraph_start = None, 0
    line_start = markdown.rfind("\n") + 1
    for line in _lines(markdown, 0, len(markdown), None, mid_line=False):
        if line.kind is _Kind.PARAGRAPH or line.fence is not fence:
            paragraph_start = line.start
        fence = line.fence
    return fence, line_start, paragraph_start


def _lines(
    text: str, start: int, end: int, fence: Fence | None, *, mid_line: bool
) -> Iterator[_Line]:
    """Each beginning of a line from `start` to `end`, both included; the rest of a line that an
    earlier slice began stands first."""
    yield _Line(start, fence, _Kind.CODE_LINE)
    position, partial = start, mid_line
    while (newline := text.find("\n", position, end)) >= 0:
        line = text[position:newline]
        fence = fence if partial else fence_after(fence, line)
        blank = not line or line.isspace()
        position, partial = newline + 1, False
        kind = _Kind.PARAGRAPH if blank else _Kind.LINE
        yield _Line(position, fence, kind if fence is None else _Kind.CODE_LINE)


def _joined(text: str, position: int) -> bool:
    """The characters on both sides of `position` are seen as one (roughly the rules of Unicode
    Annex 29: marks, joiners, modifiers, flags, surrogate pairs, carriage return + line feed)."""
    if position >= len(text):
        return False
    before, after = text[position - 1], text[position]
    return (
        unicodedata.category(after)[0] == "M"
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\U000e0020" <= after <= "\U000e007f"
        or (before == "\r" and after == "\n")
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or _inside_flag(text, position)
    )


def _inside_flag(text: str, position: int) -> bool:
    letters_before = 0
    while position - letters_before > 0 and _is_flag_letter(text[position - letters_before - 1]):
        letters_before += 1
    return letters_before % 2 == 1 and _is_flag_letter(text[position])


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
