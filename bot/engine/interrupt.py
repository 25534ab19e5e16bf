"""How a running turn hears that its question changed, or that it must stop."""

import asyncio


class Interrupt:
    """What the dispatcher and a running turn tell each other."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.lost = False
        """The thread is another replica's now."""
        self.letting_go = False
        """The turn is ending by itself, so that its lease no longer needs to be kept."""
        self.held_until = 0.0
        """On the clock's monotonic scale: until then nobody else can have claimed the thread."""
