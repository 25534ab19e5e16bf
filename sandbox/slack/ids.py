"""Identifiers and timestamps as Slack makes them."""

from collections.abc import Callable
from uuid import UUID

from bot.vocabulary import Clock, new_id

_ID_CHARS = 10


class Ids:
    """Makes them; a `ts` is never given out twice, and later ones are greater."""

    def __init__(self, *, clock: Clock, random_bits: Callable[[int], int]) -> None:
        self._clock = clock
        self._random_bits = random_bits
        self._last_us = 0

    def ts(self) -> str:
        """A message's timestamp: seconds, a dot, microseconds."""
        now_us = int(self._clock.now().timestamp() * 1_000_000)
        self._last_us = max(self._last_us + 1, now_us)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def entity(self, prefix: str) -> str:
        """An identifier of that kind, such as `C` for a channel."""
        return prefix + new_id(self._clock.now(), self._random_bits)[-_ID_CHARS:].upper()

    def secret(self) -> str:
        """Something nobody guesses."""
        return f"{self._random_bits(96):024x}"

    def uuid(self) -> str:
        """A random UUID, as envelopes and client messages carry."""
        return str(UUID(int=self._random_bits(128), version=4))
