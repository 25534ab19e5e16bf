"""The time that leases, limits and periods go by: the database's, so that replicas agree."""

from datetime import datetime, timedelta

from bot.vocabulary import Clock

MOST_AT_ONCE = timedelta(seconds=0.5)
"""How far one look at the machine's clock may move the time; a lease is many times that."""


class DatabaseClock:
    """Tells the database's time without asking it: its last answer plus what has passed since.

    What has passed is measured by the monotonic clock, so a step of this machine's wall clock moves
    nothing. On SQLite it begins with the machine's time and follows it slowly: a jump of it would end
    leases that are held, or make everybody wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base: datetime | None = None
        self._base_monotonic = 0.0

    def now(self) -> datetime:
        """The database's present time, UTC."""
        if self._base is None:
            self._base, self._base_monotonic = self._clock.now(), self._clock.monotonic()
        return self._base + timedelta(seconds=self._clock.monotonic() - self._base_monotonic)

    def follow(self, machine_now: datetime) -> None:
        """Come nearer to the machine's time, by at most `MOST_AT_ONCE`."""
        difference = machine_now - self.now()
        step = max(-MOST_AT_ONCE, min(MOST_AT_ONCE, difference))
        self._base = self.now() + step
        self._base_monotonic = self._clock.monotonic()

    def set(self, database_now: datetime, *, asked_at: float) -> None:
        """Take over the database's answer to a question sent at `asked_at` (monotonic).

        The answer was true about half the round trip ago, so the error is at most half of it.
        """
        answered_at = self._clock.monotonic()
        self._base = database_now
        self._base_monotonic = (asked_at + answered_at) / 2
