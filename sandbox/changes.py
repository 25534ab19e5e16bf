"""Waiting for something to happen in the simulator, with a deadline instead of a sleep."""

import asyncio
from collections.abc import Callable

WAIT_S = 10.0


class Changes:
    """Wakes whoever waits for a condition whenever the simulator's state has changed.

    `service` is what messages call the simulator, such as "Claude".
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._event = asyncio.Event()

    def announce(self) -> None:
        """Something changed: let every waiter look again."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(
        self, condition: Callable[[], bool], *, what: str, timeout_s: float = WAIT_S
    ) -> None:
        """Return once the condition holds.

        Raises:
            TimeoutError: it did not in time; the message says what was waited for.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await self._event.wait()
        except TimeoutError:
            raise TimeoutError(
                f"the simulated {self._service} did not see {what} within {timeout_s:g} s"
            ) from None


class Gate:
    """Holds replies at a point of their stream until they are released."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._held_until: asyncio.Event | None = None
        self._after_chunks: int | None = None
        self.held = 0
        """How many replies are being held now."""

    def hold(self, after_chunks: int | None = None) -> None:
        """Hold every reply that starts from now on: before its first byte, or after that many deltas."""
        self._after_chunks = after_chunks
        if self._held_until is None:
            self._held_until = asyncio.Event()

    def release(self) -> None:
        """Let everything go on, and hold nothing more."""
        if self._held_until is not None:
            self._held_until.set()
            self._held_until = None

    @property
    def closed_at(self) -> int | None:
        """After how many deltas a reply that starts now will be held: -1 for before its first byte,
        None for not at all."""
        if self._held_until is None:
            return None
        return -1 if self._after_chunks is None else self._after_chunks

    async def wait(self) -> None:
        """Wait here if the gate is closed."""
        if self._held_until is None:
            return
        self.held += 1
        self._changes.announce()
        try:
            await self._held_until.wait()
        finally:
            self.held -= 1
            self._changes.announce()
