"""Messages that are not final: each will have to be edited once more, which Slack counts."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bot.vocabulary import Clock

MAX_REMEMBERED: Final = 10_000


class Unfinished:
    """Which there are, by workspace, and when each was changed last."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._changed_at: dict[tuple[str, str, str], float] = {}
        self._owed: Counter[str] = Counter()

    def owed(self, workspace: str) -> int:
        """How many edits at least will still be needed there."""
        return self._owed[workspace]

    def changed_at(self, workspace: str, channel: str, ts: str) -> float:
        """When a message was changed last; 0 if that is not known."""
        return self._changed_at.get((workspace, channel, ts), 0.0)

    def note(self, workspace: str, channel: str, ts: str, *, final: bool) -> None:
        """A message was changed."""
        key = (workspace, channel, ts)
        if key in self._changed_at:
            self._forget(key)
        if final:
            return
        while len(self._changed_at) >= MAX_REMEMBERED:
            self._forget(next(iter(self._changed_at)))
        self._changed_at[key] = self._clock.monotonic()
        self._owed[workspace] += 1

    @contextmanager
    def coming(self, workspace: str, *, final: bool) -> Iterator[None]:
        """A message is being posted; one that is not final counts already."""
        count = 0 if final else 1
        self._owed[workspace] += count
        try:
            yield
        finally:
            self._owed[workspace] -= count

    def _forget(self, key: tuple[str, str, str]) -> None:
        del self._changed_at[key]
        self._owed[key[0]] -= 1
        if not self._owed[key[0]]:
            del self._owed[key[0]]
