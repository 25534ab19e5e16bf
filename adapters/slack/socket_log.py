"""What the SDK says about its sockets: in one line, and what repeats only once in a while.

While Slack is away the SDK tries to connect every few seconds, and writes a stack trace each time.
"""

import logging
from typing import Any, Final

from bot.vocabulary import Clock

NAME: Final = "slack_sdk.parley.socket"
AGAIN_S: Final = 60.0
SAME_CHARS: Final = 40
"""Lines that begin alike are the same: what follows names sessions and errors."""

MAX_REMEMBERED: Final = 100


class SocketLog(logging.Logger):
    """Passes on to the SDK's own logger."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(NAME)
        self.parent = logging.getLogger("slack_sdk")
        self._clock = clock
        self._said: dict[str, float] = {}

    def exception(self, msg: object, *args: object, **_options: Any) -> None:
        """What happened is in the message; where in the SDK it did helps nobody."""
        self.warning(msg, *args)

    def error(self, msg: object, *args: object, **_options: Any) -> None:
        """The SDK goes on by itself."""
        self.warning(msg, *args)

    def warning(self, msg: object, *args: object, **_options: Any) -> None:
        """Say it, unless it was said a moment ago."""
        key, now = str(msg)[:SAME_CHARS], self._clock.monotonic()
        if now - self._said.get(key, -AGAIN_S) < AGAIN_S:
            return
        if len(self._said) >= MAX_REMEMBERED:
            self._said.clear()
        self._said[key] = now
        super().warning(msg, *args)
