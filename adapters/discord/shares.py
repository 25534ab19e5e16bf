"""The edits that a channel takes, shared fairly among the replies being written in it."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from adapters.discord.throttle import GLOBAL_PER_S
from bot.vocabulary import Clock

WINDOW_S: Final = 5.0
EDITS_PER_WINDOW: Final = 4
"""Five edits in five seconds are observed for a channel; one is kept for last texts."""
ALL_EDITS_PER_S: Final = GLOBAL_PER_S * 0.6
QUICK_EDITS: Final = 2
"""A reply that is alone in its channel may begin with so many edits close together."""
WRITING_S: Final = 8.0
"""A reply that was not changed for so long is not being written any more."""


@dataclass(frozen=True, slots=True)
class _Writing:
    """A reply being written: when it last changed, and how often it has."""

    changed_at: float
    changes: int


class Shares:
    """When each of the replies now being written may change next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._replies: dict[str, OrderedDict[str, _Writing]] = {}
        self._writing = 0

    def pause_s(self, channel_id: str, message_id: str) -> float:
        """Seconds until it is this message's turn; not positive if it is."""
        now = self._clock.monotonic()
        writing = self._current(channel_id, now)
        reply = writing.get(message_id)
        if reply is None:
            return 0.0
        hurried = len(writing) == 1 and reply.changes < QUICK_EDITS
        in_channel = 0.0 if hurried else WINDOW_S / EDITS_PER_WINDOW * len(writing)
        return reply.changed_at + max(in_channel, self._writing / ALL_EDITS_PER_S) - now

    def changed(self, channel_id: str, message_id: str) -> None:
        """It was changed now."""
        now = self._clock.monotonic()
        writing = self._current(channel_id, now)
        before = writing.get(message_id)
        self._writing += before is None
        writing[message_id] = _Writing(now, 1 if before is None else before.changes + 1)
        writing.move_to_end(message_id)
        self._replies[channel_id] = writing

    def finished(self, channel_id: str, message_id: str) -> None:
        """It has its last text."""
        writing = self._replies.get(channel_id)
        if writing is not None and writing.pop(message_id, None) is not None:
            self._writing -= 1
        if not writing:
            self._replies.pop(channel_id, None)

    def _current(self, channel_id: str, now: float) -> OrderedDict[str, _Writing]:
        """The messages being written in a channel, without those that were left unfinished."""
        writing = self._replies.get(channel_id, OrderedDict())
        while writing and now - next(iter(writing.values())).changed_at > WRITING_S:
            writing.popitem(last=False)
            self._writing -= 1
        if not writing:
            self._replies.pop(channel_id, None)
        return writing
