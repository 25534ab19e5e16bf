"""What tests of every kind share."""

import asyncio
import contextlib
import inspect
import random
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_POLL_S = 0.005

_ASKING_S, _SELDOM_S = 0.02, 0.1
"""What a coroutine asks takes whoever is asked some time, mostly a database; so it is asked at first this
often, and then ever more seldom: a wait gets longer by a tenth."""


@overload
async def wait_until(
    condition: Callable[[], Awaitable[T]],
    deadline_s: float = ...,
    *,
    what: str | None = ...,
    every_s: float | None = ...,
) -> T: ...


@overload
async def wait_until(
    condition: Callable[[], T],
    deadline_s: float = ...,
    *,
    what: str | None = ...,
    every_s: float | None = ...,
) -> T: ...


async def wait_until(
    condition: Callable[[], T | Awaitable[T]],
    deadline_s: float = 30.0,
    *,
    what: str | None = None,
    every_s: float | None = None,
) -> T:
    """Return what `condition` (plain or async) returns as soon as that is true; it is
    called every `every_s` seconds, or as often as suits its kind.

    Raises:
        AssertionError: it was not true within `deadline_s` seconds; the message says `what` was awaited.
    """
    now = asyncio.get_running_loop().time
    began = now()
    while True:
        outcome = condition()
        value: T
        if inspect.isawaitable(outcome):
            value = await outcome
            usual_s = min(max(_ASKING_S, (now() - began) / 10), _SELDOM_S)
        else:
            value, usual_s = outcome, _POLL_S
        if value:
            return value
        if now() > began + deadline_s:
            name = what or getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(
                f"after {deadline_s:g} s still waiting for: {name} (last: {value!r})"
            )
        await asyncio.sleep(every_s or usual_s)


def free_port() -> int:
    """A port on which nobody listens, below those that the system hands out by itself (32,768 and up on
    Linux): what else runs can't get it before it is used."""
    while True:
        port = random.randint(10_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
