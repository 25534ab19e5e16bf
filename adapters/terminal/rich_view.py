"""The view for a person at a terminal: Markdown that grows as it is written."""

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.spinner import Spinner
from rich.text import Text

from adapters.terminal.harmless import harmless
from adapters.terminal.transcript import Entry
from adapters.terminal.view import PROMPT

TAIL_ENTRIES: Final = 6
"""So much of the conversation is shown again at the start."""

_FENCE = re.compile(r"[ \t]*(?:[-*+>]|\d+[.)])?[ \t]*(`{3,}|~{3,})")
_STANDS_ALONE = re.compile(r"(?![\s>|]|[-*+](?:[ \t]|$)|\d+(?:[.)]|$))")
_GONE = contextlib.suppress(OSError, ValueError)  # the terminal was closed, or the stream


class RichView:
    """Prints with rich. What is complete is printed for good, block by block; only the block that is
    being written is drawn again and again, so a long answer scrolls as it should."""

    def __init__(self, *, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._entry_id = ""
        self._printed = ""

    def open(self, entries: Sequence[Entry]) -> list[Entry]:
        """Show the end of the conversation so far, so that an answer that was completed after a
        crash is seen."""
        tail = entries[-TAIL_ENTRIES:]
        with _GONE:
            # a process that was killed while drawing left it hidden
            self._console.show_cursor(True)
            for entry in tail:
                if entry.typed:
                    self._console.print(Text(f"{PROMPT}{harmless(entry.text)}", style="bold"))
                elif entry.final:
                    self._console.print(_markdown(harmless(entry.text)))
        return [entry for entry in tail if entry.final and not entry.typed]

    def working(self, text: str | None) -> None:
        """Turn a spinner while nothing else is seen of the bot."""
        if text is None:
            self._stop()
        elif not self._entry_id:
            self._draw(Spinner("dots", text=Text(harmless(text), style="dim")), moving=True)

    def shown(self, entry: Entry) -> bool:
        """Draw the message as it stands; a final one stays, and is not printed again."""
        if not (entry.final and entry.seen):
            self._show(entry)
        return entry.final

    def _show(self, entry: Entry) -> None:
        text = harmless(entry.text)
        if entry.id != self._entry_id or not text.startswith(self._printed):
            self._start(entry.id)
        complete = len(text) if entry.final else _complete(text, len(self._printed))
        block, rest = text[len(self._printed) : complete], text[complete:]
        if entry.final or block.strip():
            self._stop()
        if block.strip():
            self._print(_markdown(block))
            if rest:
                self._print("")  # between two blocks, as where both are printed at once
        self._printed = text[:complete]
        if entry.final:
            self._entry_id, self._printed = "", ""
        elif rest.strip():
            self._draw(_Bottom(_markdown(rest)), moving=False)

    def removed(self, entry: Entry) -> None:
        """What can be taken off the screen is; what has scrolled by is said to be void."""
        if entry.id == self._entry_id:
            self._stop()
            self._start("")

    def question(self, text: str) -> None:
        """A line in bold, under what is being drawn."""
        self._stop()
        if not self._printed.strip():
            self._print("")
        self._print(Text(harmless(text), style="bold"))

    def remark(self, text: str) -> None:
        """A dim line."""
        self._stop()
        self._print(Text(harmless(text), style="dim"))

    def close(self) -> None:
        """Give the screen back."""
        self._stop()

    def _start(self, entry_id: str) -> None:
        if self._printed.strip():
            self._print(Text("— the answer begins again —", style="dim"))
        self._entry_id, self._printed = entry_id, ""

    def _print(self, renderable: RenderableType) -> None:
        with _GONE:
            self._console.print(renderable)

    def _draw(self, renderable: RenderableType, *, moving: bool) -> None:
        """Draw in place; only what moves by itself is drawn again without a change."""
        if self._live is not None and self._live.auto_refresh is not moving:
            self._stop()
        with _GONE:
            if self._live is None:
                self._live = Live(console=self._console, transient=True, auto_refresh=moving)
                self._live.start()
            self._live.update(renderable, refresh=True)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            with _GONE:
                live.update(Text(""))  # stopping draws once more what is about to be erased
                live.stop()


class _Bottom:
    """The last lines of something that may be taller than the screen."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._inner, options.update(height=None), pad=False)
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()


def _markdown(text: str) -> Markdown:
    """Markdown in which HTML is shown as it was written: rich leaves it out, and an answer may be
    about it. Links show where they lead."""
    markdown = Markdown(text, hyperlinks=False)
    for token in markdown.parsed:
        if token.type == "html_block":
            token.type, token.tag = "code_block", "code"
        for child in token.children or ():
            if child.type == "html_inline":
                child.type = "text"
    return markdown


def _complete(text: str, start: int) -> int:
    """Up to where the text after `start` can be printed for good: before its last block outside a
    code fence, but never inside a list, quotation or table."""
    end, fence, position, blank = start, "", start, False
    for line in text[start:].splitlines(keepends=True):
        if blank and not fence and _STANDS_ALONE.match(line):
            end = position
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line[found.end() :].strip():
            fence = ""
        blank = not line.strip()
        position += len(line)
    return end
