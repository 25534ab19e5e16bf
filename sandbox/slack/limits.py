"""Rate limits: how often a method may be called, and how long to wait if it was too often.

Tiers and the special limits: https://docs.slack.dev/apis/web-api/rate-limits and the methods' pages.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.vocabulary import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Calls a minute of each tier, by method and workspace; posts a second, by channel.

    Unless `enforced` nothing is refused.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    enforced: bool = True
    tier1_per_min: int = 1
    tier2_per_min: int = 20
    tier3_per_min: int = 50
    tier4_per_min: int = 100
    special_per_min: int = 600
    posts_per_s: float = 1.0
    post_burst: int = 4

    @classmethod
    def off(cls) -> "RateLimits":
        """Refuse nothing."""
        return cls(enforced=False)

    def per_min(self, tier: int) -> int:
        """Calls a minute of a tier; 0 is the special one."""
        by_tier: Mapping[int, int] = {
            1: self.tier1_per_min,
            2: self.tier2_per_min,
            3: self.tier3_per_min,
            4: self.tier4_per_min,
        }
        return by_tier.get(tier, self.special_per_min)


@dataclass(slots=True)
class _Bucket:
    size: float
    per_s: float
    level: float
    at_s: float

    def take(self, now_s: float) -> float:
        """Take one; how long to wait first, if there is none."""
        self.level = min(self.size, self.level + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.per_s


@dataclass(slots=True)
class RateLimiter:
    """Counts calls against `limits`."""

    clock: Clock
    limits: RateLimits
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def change(self, limits: RateLimits) -> None:
        """Other limits from now on; the buckets start full."""
        self.limits = limits
        self._buckets.clear()

    def wait_s(self, method: str, *, tier: int, team_id: str, channel_id: str | None) -> int:
        """Count a call; whole seconds to wait if it is one too many, which is not counted."""
        if not self.limits.enforced:
            return 0
        if method == "chat.postMessage":
            size, per_s = float(self.limits.post_burst), self.limits.posts_per_s
            key = (method, channel_id or team_id)
        else:
            size = float(self.limits.per_min(tier))
            key, per_s = (method, team_id), size / 60
        now_s = self.clock.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(size, per_s, size, now_s))
        return math.ceil(bucket.take(now_s))
