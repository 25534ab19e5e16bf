"""How often Slack may be asked: known beforehand as far as it is written down, and learnt where not.

Each method has a tier, counted for each workspace; posts are counted for each channel
(https://docs.slack.dev/apis/web-api/rate-limits). One busy channel or method slows no other.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from bot.vocabulary import Clock

MAX_BUCKETS: Final = 5_000

# Calls a minute, where they are few enough to matter. startStream, appendStream, stopStream:
# https://docs.slack.dev/reference/methods/chat.startStream and its neighbours.
_PER_MINUTE: Final = {
    "agents.sessions.setStatus": 50,
    "chat.appendStream": 100,
    "chat.delete": 50,
    "chat.startStream": 20,
    "chat.stopStream": 20,
    "chat.update": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
}
_PER_CHANNEL: Final = frozenset({"chat.postMessage"})


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What Slack allows. Unless `enforced`, nothing is held back before Slack says so."""

    enforced: bool = True
    posts_per_s: float = 1.0
    post_burst: float = 4.0


@dataclass(slots=True)
class _Bucket:
    size: float
    per_s: float
    level: float
    at: float
    forbidden_until: float = 0.0

    def level_at(self, now: float) -> float:
        self.level = min(self.size, self.level + (now - self.at) * self.per_s)
        self.at = now
        return self.level


@dataclass(slots=True, kw_only=True)
class Pacing:
    """Counts calls against what Slack allows. Its verbs return seconds, and wait for nothing."""

    clock: Clock
    limits: RateLimits = field(default_factory=RateLimits)
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def spare(self, method: str, workspace: str) -> float:
        """How many calls are left before the limit, in whole or in part."""
        bucket = self._bucket(method, workspace, None)
        now = self.clock.monotonic()
        if bucket.forbidden_until > now:
            return 0.0
        return bucket.level_at(now) if self.limits.enforced else math.inf

    def rate_per_s(self, method: str) -> float:
        """How often a method may be called in the long run."""
        return _PER_MINUTE.get(method, 600) / 60

    def forbidden_s(self, method: str, workspace: str, channel: str | None) -> float:
        """How long Slack has asked to wait, from now."""
        bucket = self._bucket(method, workspace, channel)
        return bucket.forbidden_until - self.clock.monotonic()

    def take(self, method: str, workspace: str, channel: str | None) -> float:
        """Count a call, and how long it should wait so that Slack need not refuse it; what waits stands
        in line."""
        bucket = self._bucket(method, workspace, channel)
        level = bucket.level_at(self.clock.monotonic())
        bucket.level = max(level - 1, -bucket.size) if method not in _PER_CHANNEL else level - 1
        if not self.limits.enforced or method not in _PER_CHANNEL or level >= 1:
            return 0.0
        return (1 - level) / bucket.per_s

    def give_back(self, method: str, workspace: str, channel: str | None) -> None:
        """A call that was counted is not made."""
        self._bucket(method, workspace, channel).level += 1

    def refused(
        self, method: str, workspace: str, channel: str | None, retry_after_s: float
    ) -> None:
        """Slack asked to wait."""
        bucket, now = self._bucket(method, workspace, channel), self.clock.monotonic()
        bucket.forbidden_until = max(bucket.forbidden_until, now + retry_after_s)
        bucket.level, bucket.at = min(0.0, bucket.level), now

    def _bucket(self, method: str, workspace: str, channel: str | None) -> _Bucket:
        by_channel = method in _PER_CHANNEL and channel is not None
        key = (method, f"{workspace}:{channel}" if by_channel else workspace)
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget_full_ones()
            bucket = self._buckets[key] = self._new(method)
        return bucket

    def _new(self, method: str) -> _Bucket:
        now = self.clock.monotonic()
        if method in _PER_CHANNEL:
            size, per_s = self.limits.post_burst, self.limits.posts_per_s
        else:
            size = float(_PER_MINUTE.get(method, 600))
            per_s = size / 60
        return _Bucket(size, per_s, size, now)

    def _forget_full_ones(self) -> None:
        if len(self._buckets) < MAX_BUCKETS:
            return
        now = self.clock.monotonic()
        for key, bucket in list(self._buckets.items()):
            if bucket.level_at(now) >= bucket.size and bucket.forbidden_until <= now:
                del self._buckets[key]
