"""How often Slack may be asked: known beforehand as far as it is written down, and learnt where not.

Each method has a tier, counted for each workspace; posts are counted for each channel
(https://docs.slack.dev/apis/web-api/rate-limits). One busy channel or method slows no other.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from bot.vocabulary import Clock, Newest

MAX_BUCKETS: Final = 5_000
MAX_LINE: Final = 5_000
IN_LINE_S: Final = 60.0
"""The tiers say what Slack allows at least. Calls stand in line only for a while after it refused one."""

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
_MANY: Final = 600
_PER_CHANNEL: Final = frozenset({"chat.postMessage"})


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What Slack allows. Unless `enforced`, nothing is held back before Slack says so."""

    enforced: bool = True
    posts_per_s: float = 1.0
    post_burst: float = 4.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is wanted. `what` is what it is about, the same when it is tried again."""

    method: str
    workspace: str
    channel: str | None = None
    what: str = ""


@dataclass(slots=True)
class _Bucket:
    """What is left of one limit, and who stands in line for it, with the time of their turn."""

    size: float
    per_s: float
    level: float
    at: float
    always_in_line: bool
    forbidden_until: float = 0.0
    in_line_until: float = 0.0
    line: dict[str, float] = field(default_factory=lambda: Newest(MAX_LINE))
    """Who has not been seen for longest stands first."""

    def level_at(self, now: float) -> float:
        self.level = min(self.size, self.level + (now - self.at) * self.per_s)
        self.at = now
        return self.level

    def stands_in_line(self, now: float) -> bool:
        return self.always_in_line or now < self.in_line_until


@dataclass(slots=True, kw_only=True)
class Pacing:
    """Counts calls against what Slack allows. Its verbs return seconds, and wait for nothing."""

    clock: Clock
    limits: RateLimits = field(default_factory=RateLimits)
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=lambda: Newest(MAX_BUCKETS))

    def spare(self, method: str, workspace: str) -> float:
        """How many calls are left before the limit, in whole or in part."""
        bucket = self._bucket(Call(method, workspace))
        now = self.clock.monotonic()
        if bucket.forbidden_until > now:
            return 0.0
        return bucket.level_at(now) if self.limits.enforced else math.inf

    def rate_per_s(self, method: str) -> float:
        """How often a method may be called in the long run."""
        return _PER_MINUTE.get(method, _MANY) / 60

    def wait_s(self, call: Call) -> float:
        """How long the call must wait; where that is nothing, it is counted, and must be made.

        Who has to wait has a place in the line, and is waited for when their turn has come.
        """
        bucket, now = self._bucket(call), self.clock.monotonic()
        forbidden_s = bucket.forbidden_until - now
        if not self.limits.enforced:
            return max(0.0, forbidden_s)
        turn = bucket.line.pop(call.what, None)
        if turn is None:
            turn = self._new_turn(bucket, now)
        wait_s = max(turn - now, forbidden_s)
        if wait_s <= 0:
            return 0.0
        bucket.line[call.what] = turn
        return wait_s

    def come(self, call: Call) -> None:
        """Who waited is there, and leaves the line: the call must be made."""
        self._bucket(call).line.pop(call.what, None)

    def refused(self, call: Call, retry_after_s: float) -> None:
        """Slack asked to wait. Once that is over one call may be made, however few the tier allows."""
        bucket, now = self._bucket(call), self.clock.monotonic()
        one_by_then = 1 - retry_after_s * bucket.per_s
        bucket.level = min(max(0.0, one_by_then), bucket.level_at(now))
        bucket.forbidden_until = max(bucket.forbidden_until, now + retry_after_s)
        bucket.in_line_until = now + IN_LINE_S

    @staticmethod
    def _new_turn(bucket: _Bucket, now: float) -> float:
        """When a new call may be made, which is counted herewith."""
        level = bucket.level_at(now)
        if bucket.stands_in_line(now):
            bucket.level = level - 1
            return now if level >= 1 else now + (1 - level) / bucket.per_s
        bucket.level = max(level - 1, -bucket.size)
        return now

    def _bucket(self, call: Call) -> _Bucket:
        by_channel = call.method in _PER_CHANNEL and call.channel is not None
        key = (call.method, f"{call.workspace}:{call.channel}" if by_channel else call.workspace)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = self._new(call.method)
        return bucket

    def _new(self, method: str) -> _Bucket:
        now = self.clock.monotonic()
        if method in _PER_CHANNEL:
            size, per_s = self.limits.post_burst, self.limits.posts_per_s
        else:
            size = float(_PER_MINUTE.get(method, _MANY))
            per_s = size / 60
        return _Bucket(size, per_s, size, now, always_in_line=method in _PER_CHANNEL)
