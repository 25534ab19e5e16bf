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


@overload
async def wait_until(
    condition: Callable[[], Awaitable[T]],
    deadline_s: float = ...,
    *,
    what: str | None = ...,
    every_s: float = ...,
) -> T: ...


@overload
async def wait_until(
    condition: Callable[[], T],
    deadline_s: float = ...,
    *,
    what: str | None = ...,
    every_s: float = ...,
) -> T: ...


async def wait_until(
    condition: Callable[[], T | Awaitable[T]],
    deadline_s: float = 30.0,
    *,
    what: str | None = None,
    every_s: float = _POLL_S,
) -> T:
    """Return what `condition` (plain or async) returns as soon as that is true; it is
    called every `every_s` seconds.

    Raises:
        AssertionError: it was not true within `deadline_s` seconds; the message says `what` was awaited.
    """
    deadline = asyncio.get_running_loop().time() + deadline_s
    while True:
        outcome = condition()
        value: T = await outcome if inspect.isawaitable(outcome) else outcome
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            name = what or getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(
                f"after {deadline_s:g} s still waiting for: {name} (last: {value!r})"
            )
        await asyncio.sleep(every_s)


def free_port() -> int:
    """A port on which nobody listens, below those that the system hands out by itself (32,768 and up on
    Linux): what else runs can't get it before it is used."""
    while True:
        port = random.randint(10_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
