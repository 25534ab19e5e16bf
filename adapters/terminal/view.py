"""What shows a conversation: the port of the two views, and the plain one."""

from collections.abc import Sequence
from typing import Final, Protocol, TextIO

from adapters.terminal.harmless import harmless
from adapters.terminal.transcript import Entry

PROMPT: Final = "> "


class View(Protocol):
    """Shows what happens in the conversation. Nothing here raises: a window that is gone must not
    keep the answers from being written down."""

    def open(self, entries: Sequence[Entry]) -> list[Entry]:
        """Show what there was before. Returns the entries whose final text was printed now."""

    def working(self, text: str | None) -> None:
        """The bot is busy with `text`; with None it no longer is."""

    def shown(self, entry: Entry) -> bool:
        """A message of the bot's appeared or changed. True if its final text was printed."""

    def removed(self, entry: Entry) -> None:
        """A message of the bot's was taken back."""

    def question(self, text: str) -> None:
        """The bot asks the person, who answers with the next line."""

    def remark(self, text: str) -> None:
        """Something that is not part of the conversation, such as what an answer cost."""

    def close(self) -> None:
        """Nothing more will come for now."""


class PlainView:
    """For pipes and files: the final texts alone, one after the other, each once.

    A reader that is slow to take them holds up the process, as in any pipeline.
    """

    def __init__(self, *, stream: TextIO) -> None:
        self._stream = stream

    def open(self, entries: Sequence[Entry]) -> list[Entry]:
        """Print what was finished but not printed when the process was last ended."""
        return [entry for entry in entries if not entry.typed and self.shown(entry)]

    def working(self, text: str | None) -> None:
        """Not part of the plain conversation."""

    def shown(self, entry: Entry) -> bool:
        """Print a final text, if it was not printed before."""
        if not entry.final or entry.seen:
            return False
        try:
            self._stream.write(f"{harmless(entry.text).rstrip()}\n")
            self._stream.flush()
        except (OSError, ValueError):  # the reader has gone, or the stream is closed
            return False
        return True

    def removed(self, entry: Entry) -> None:
        """What was printed can't be taken back."""

    def question(self, text: str) -> None:
        """Whoever reads has to answer."""
        try:
            self._stream.write(f"{harmless(text)}\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    def remark(self, text: str) -> None:
        """Not part of the plain conversation."""

    def close(self) -> None:
        """Nothing is held."""
