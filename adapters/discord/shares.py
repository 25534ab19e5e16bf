"""The edits that a channel takes, shared fairly among the replies being written in it."""

from collections import OrderedDict
from typing import Final

from adapters.discord.throttle import GLOBAL_PER_S
from bot.vocabulary import Clock

WINDOW_S: Final = 5.0
EDITS_PER_WINDOW: Final = 4
"""Five edits in five seconds are observed for a channel; one is kept for last texts."""
ALL_EDITS_PER_S: Final = GLOBAL_PER_S * 0.6
WRITING_S: Final = 8.0
"""A reply that was not changed for so long is not being written any more."""


class Shares:
    """When each of the replies now being written may change next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed_at: dict[str, OrderedDict[str, float]] = {}
        self._writing = 0

    def pause_s(self, channel_id: str, message_id: str) -> float:
        """Seconds until it is this message's turn; not positive if it is."""
        now = self._clock.monotonic()
        writing = self._current(channel_id, now)
        last = writing.get(message_id)
        if last is None:
            return 0.0
        in_channel = WINDOW_S / EDITS_PER_WINDOW * len(writing) if len(writing) > 1 else 0.0
        return last + max(in_channel, self._writing / ALL_EDITS_PER_S) - now

    def changed(self, channel_id: str, message_id: str) -> None:
        """It was changed now."""
        writing = self._current(channel_id, self._clock.monotonic())
        self._writing += message_id not in writing
        writing[message_id] = self._clock.monotonic()
        writing.move_to_end(message_id)
        self._changed_at[channel_id] = writing

    def finished(self, channel_id: str, message_id: str) -> None:
        """It has its last text."""
        writing = self._changed_at.get(channel_id)
        if writing is not None and writing.pop(message_id, None) is not None:
            self._writing -= 1
        if not writing:
            self._changed_at.pop(channel_id, None)

    def _current(self, channel_id: str, now: float) -> OrderedDict[str, float]:
        """The messages being written in a channel, without those that were left unfinished."""
        writing = self._changed_at.get(channel_id, OrderedDict())
        while writing and now - next(iter(writing.values())) > WRITING_S:
            writing.popitem(last=False)
            self._writing -= 1
        if not writing:
            self._changed_at.pop(channel_id, None)
        return writing
