"""The time that leases, limits and periods go by: the database's, so that replicas agree."""

from datetime import datetime, timedelta

from bot.vocabulary import Clock


class DatabaseClock:
    """Tells the database's time without asking it: its last answer plus what has passed since.

    What has passed is measured by the monotonic clock, so a step of this machine's wall clock moves
    nothing. Until `set` is called (and always on SQLite) it tells the machine's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base: datetime | None = None
        self._base_monotonic = 0.0

    def now(self) -> datetime:
        """The database's present time, UTC."""
        if self._base is None:
            return self._clock.now()
        return self._base + timedelta(seconds=self._clock.monotonic() - self._base_monotonic)

    def set(self, database_now: datetime, *, asked_at: float) -> None:
        """Take over the database's answer to a question sent at `asked_at` (monotonic).

        The answer was true about half the round trip ago, so the error is at most half of it.
        """
        answered_at = self._clock.monotonic()
        self._base = database_now
        self._base_monotonic = (asked_at + answered_at) / 2
