"""When a message that is being written may change next."""

from typing import Final

from bot.ports import PlatformBusy, PlatformError
from bot.vocabulary import Clock

UNHURRIED_S: Final = 0.4
"""Between two changes where the platform asks for no pause: often enough to read along."""
_PATIENCE_GROWTH: Final = 0.1
_PATIENCE_CAP: Final = 2.5
_RETRY_BASE_S: Final = 0.5
_RETRY_CAP_S: Final = 15.0


class Pace:
    """The pause between the changes of one message: what its platform asks for, and growing
    patience on top, since nobody watches a long answer word by word."""

    __slots__ = ("_allowed_at", "_changes", "_clock", "_due_at", "_failures")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changes = 0
        self._failures = 0
        self._due_at = self._allowed_at = clock.monotonic()

    @property
    def pause_s(self) -> float:
        """Seconds until an interim change is due; not positive if it is."""
        return self._due_at - self._clock.monotonic()

    @property
    def forbidden_s(self) -> float:
        """Seconds that the platform itself asked to wait, which holds for the final change too."""
        return self._allowed_at - self._clock.monotonic()

    def changed(self, next_change_in_s: float) -> None:
        """It was shown; the platform asks for this pause."""
        now, self._failures = self._clock.monotonic(), 0
        patience = min(1 + _PATIENCE_GROWTH * self._changes, _PATIENCE_CAP)
        self._allowed_at = now + next_change_in_s
        self._due_at = now + (next_change_in_s or UNHURRIED_S) * patience
        self._changes += 1

    def hurry(self) -> None:
        """The next change is due as soon as the platform allows it: a placeholder gives way to text."""
        if not self._failures:
            self._due_at, self._changes = self._allowed_at, 0

    def failed(self, error: PlatformError) -> None:
        """It was not shown."""
        now = self._clock.monotonic()
        self._due_at = now + retry_delay_s(error, self._failures)
        self._failures += 1
        if isinstance(error, PlatformBusy):
            self._allowed_at = now + error.last_change_in_s


def retry_delay_s(error: PlatformError, failures: int) -> float:
    """How long to wait before trying again, after so many failures before this one: what the
    platform asks for, else doubling from half a second up to a quarter of a minute."""
    if isinstance(error, PlatformBusy):
        return error.retry_after_s
    return float(min(_RETRY_BASE_S * 2**failures, _RETRY_CAP_S))
