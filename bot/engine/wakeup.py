"""How the dispatcher hears that there is something to do."""

import asyncio

from bot.engine.interrupt import Interrupt


class Wakeup:
    """Rung by whoever made an event durable, heard by the dispatcher and the turns that run here."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        """Work has come; the dispatcher clears it."""
        self.running: dict[str, Interrupt] = {}
        """How to reach the turns that run here, by thread key."""
        self.waiting = 0
        """How many messages wait, as the dispatcher counted last."""

    def wake(self) -> None:
        """Work has come."""
        self.rung.set()

    def poke(self, thread_key: str) -> None:
        """Something about a thread changed: if its turn runs here, let it look."""
        interrupt = self.running.get(thread_key)
        if interrupt is not None:
            interrupt.changed.set()
