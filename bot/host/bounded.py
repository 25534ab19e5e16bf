"""Calls that may not take for ever, before there is an event loop."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def bounded(function: Callable[[], T], *, timeout_s: float) -> T:
    """What `function` returns or raises, from a thread that is left alone if it takes too long.

    Raises:
        TimeoutError: it took longer.
    """
    returned: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(function())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="bounded", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if raised:
        raise raised[0]
    if not returned:
        raise TimeoutError(f"it did not end within {timeout_s:g} s")
    return returned[0]
