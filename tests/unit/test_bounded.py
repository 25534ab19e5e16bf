"""Calls that may not take for ever."""

import sys
import threading

import pytest

from bot.host.bounded import bounded


def test_what_it_returns_or_raises_comes_through() -> None:
    """Even `SystemExit`."""
    assert bounded(lambda: None, timeout_s=10) is None
    with pytest.raises(SystemExit):
        bounded(lambda: sys.exit(3), timeout_s=10)


def test_what_does_not_end_is_left_alone() -> None:
    """The caller goes on."""
    let_go = threading.Event()
    with pytest.raises(TimeoutError, match="did not end within"):
        bounded(lambda: let_go.wait(60), timeout_s=0.05)
    let_go.set()
