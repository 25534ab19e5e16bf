"""Discord's ids: time in the upper bits, so that they sort by age.

https://discord.com/developers/docs/reference#snowflakes
"""

from datetime import UTC, datetime, timedelta

from bot.vocabulary import Clock

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_TIME_SHIFT = 22


class Snowflakes:
    """Makes ids, each greater than the one before, even while the clock stands still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A new id of this moment."""
        self._last = max(self._last + 1, first_id_at(self._clock.now()))
        return self._last


def first_id_at(at: datetime) -> int:
    """The smallest id of that moment."""
    return int((at - EPOCH) / timedelta(milliseconds=1)) << _TIME_SHIFT


def shard_of(guild_id: int | None, shard_count: int) -> int:
    """Which of so many shards a guild's events go to; direct messages go to the first.

    https://discord.com/developers/docs/events/gateway#sharding
    """
    return 0 if guild_id is None else (guild_id >> _TIME_SHIFT) % shard_count
