"""What a process has for a terminal: a view that fits it, and the duty to leave it as it was."""

import contextlib
import termios
from collections.abc import Iterator
from typing import TextIO

from adapters.terminal.view import PlainView, View


def view_of(stream: TextIO) -> View:
    """The view for a stream: moving for a terminal, plain for a pipe or file."""
    if not stream.isatty():
        return PlainView(stream=stream)
    from rich.console import Console  # a pipe need not wait for it

    from adapters.terminal.rich_view import RichView

    return RichView(console=Console(file=stream))


@contextlib.contextmanager
def terminal_kept(stream: TextIO) -> Iterator[None]:
    """Leave the terminal as it was: a prompt that is abandoned has switched its echo off."""
    if not stream.isatty():
        yield
        return
    attributes = termios.tcgetattr(stream)
    try:
        yield
    finally:
        termios.tcsetattr(stream, termios.TCSADRAIN, attributes)
