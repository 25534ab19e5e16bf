"""What a process has for a terminal: a view that fits it, and the duty to leave it as it was."""

import contextlib
import io
import termios
from collections.abc import Iterator
from typing import TextIO

from adapters.terminal.view import PlainView, View


def is_terminal(stream: TextIO | None) -> bool:
    """A person sits at it; there may be no stream at all."""
    return stream is not None and stream.isatty()


def view_of(stream: TextIO) -> View:
    """The view for a stream: moving for a terminal, plain for a pipe or file. Characters that its
    encoding lacks are replaced."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    if not is_terminal(stream):
        return PlainView(stream=stream)
    from rich.console import Console  # a pipe need not wait for it

    from adapters.terminal.rich_view import RichView

    return RichView(console=Console(file=stream))


@contextlib.contextmanager
def terminal_kept(stream: TextIO | None) -> Iterator[None]:
    """Leave the terminal as it was: a prompt that is abandoned has switched its echo off."""
    if stream is None or not stream.isatty():
        yield
        return
    attributes = termios.tcgetattr(stream)
    try:
        yield
    finally:
        termios.tcsetattr(stream, termios.TCSADRAIN, attributes)
