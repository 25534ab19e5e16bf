"""Decides when the next request to a model may go, from what the provider said about its limits."""

from dataclasses import dataclass

from bot.claude.rate_limits import Level

PERIOD_S = 60.0
"""Limits are per minute, and the provider's buckets refill continuously up to them
(https://platform.claude.com/docs/en/api/rate-limits: token bucket algorithm)."""

UNPROVEN_REQUESTS = 8
"""Until the first response has told the limits, this many requests may wait for theirs; otherwise a
burst after a start would run into a limit that nobody has seen yet."""

_TOKEN_BUCKETS = ("tokens", "input-tokens")
_LEARNING_RATE = 0.2


@dataclass(slots=True)
class _Bucket:
    """A level, and when it was read."""

    level: Level
    read_at: float

    def wait_s(self, wanted: float, now: float) -> float:
        """How long until `wanted` is there: by steady refill, but no longer than the announced reset."""
        age_s = now - self.read_at
        missing = min(wanted, self.level.limit) - self.level.remaining
        if missing <= 0 or self.level.limit <= 0:
            return 0.0
        refilled_in_s = missing * PERIOD_S / self.level.limit
        return max(0.0, min(refilled_in_s, self.level.reset_in_s) - age_s)


class RateGate:
    """The known limits of one model. Times are those of one monotonic clock, in seconds.

    A request that has been admitted but has no response yet is reserved for, since the levels that
    the provider reports may not include it.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._closed_until = 0.0
        self._proven = False
        self._reserved_requests = 0
        self._reserved_tokens = 0
        self._charged_share = 1.0

    def wait_s(self, now: float, *, tokens: int) -> float:
        """How long a request of about so many prompt tokens should wait; 0: it may go now.

        Infinity: until a request that is under way has its response.
        """
        if not self._proven and self._reserved_requests >= UNPROVEN_REQUESTS:
            return float("inf")
        waits = [self._closed_until - now]
        for name, bucket in self._buckets.items():
            waits.append(bucket.wait_s(self._wanted(name, tokens), now))
        return max(0.0, *waits)

    def reserve(self, tokens: int) -> None:
        """A request is about to go."""
        self._reserved_requests += 1
        self._reserved_tokens += tokens

    def release(self, tokens: int) -> None:
        """The reserved request has its response, or will not get one."""
        self._reserved_requests -= 1
        self._reserved_tokens -= tokens

    def saw(self, levels: dict[str, Level], now: float) -> None:
        """The provider answered, and said so much about its limits."""
        self._proven = True
        for name, level in levels.items():
            self._buckets[name] = _Bucket(level, now)

    def levels(self) -> dict[str, Level]:
        """What the provider said last about each of its buckets."""
        return {name: bucket.level for name, bucket in self._buckets.items()}

    def close_for(self, seconds: float, now: float) -> None:
        """The provider asked to wait; nothing goes before."""
        self._closed_until = max(self._closed_until, now + seconds)

    def learn(self, *, expected: int, charged: int) -> None:
        """A prompt of about `expected` tokens counted as `charged` against the limit, since what is
        read from the prompt cache does not count: later requests are taken to be alike."""
        if expected > 0:
            share = min(1.0, charged / expected)
            self._charged_share += _LEARNING_RATE * (share - self._charged_share)

    def _wanted(self, bucket: str, tokens: int) -> float:
        if bucket in _TOKEN_BUCKETS:
            return (tokens + self._reserved_tokens) * self._charged_share
        if bucket == "requests":
            return 1.0 + self._reserved_requests
        return 1.0
