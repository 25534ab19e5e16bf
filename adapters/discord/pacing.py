"""How often Discord may be asked: a bucket for each kind of request and channel, and one limit for all.

Discord tells its limits in headers and publishes none of them
(https://discord.com/developers/docs/topics/rate-limits). What is said here of a bucket before its first
answer is what bots observe.
"""

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from adapters.discord.throttle import GLOBAL_PER_S, Throttle
from bot.ports import PlatformBusy
from bot.vocabulary import Clock

GIVES_WAY_S: Final = 0.25
"""What matters less looks again after this long, where it left the last places to others."""
USUAL_LIMIT: Final = 5
MAX_BUCKETS: Final = 4_096
MAX_INVALID: Final = 5_000
"""Half of what gets an address banned (…/rate-limits#invalid-request-limit-aka-cloudflare-bans)."""
INVALID_WINDOW_S: Final = 600.0
LATE_S: Final = 0.01
"""Headers are rounded to milliseconds."""
UNANSWERED_S: Final = 0.05
_OUT_OF_WINDOW_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Manners:
    patience_s: float
    """It waits so long for its turn at most."""
    may_come_after_s: float = 0.0
    """So much later than what is most urgent it may come, where there is a crowd."""
    leaves_in_bucket: int = 0
    leaves_globally: int = 0
    """What it leaves to requests that matter more."""


class Urgency(Enum):
    """How much a request matters to the people who wait."""

    NEW = _Manners(patience_s=8.0)
    """A whole answer, or a file: somebody sees nothing yet."""
    FIRST = _Manners(patience_s=0.25)
    """The first text of an answer: when it has to wait, a newer text had better be sent."""
    BETWEEN = _Manners(patience_s=0.0, leaves_in_bucket=1, leaves_globally=15)
    """A text between the first and the last."""
    LAST = _Manners(patience_s=8.0, may_come_after_s=1.5)
    """The last text: somebody reads most of it already."""
    NEEDED = _Manners(patience_s=8.0, may_come_after_s=0.5)
    """What something else waits for."""
    SIGN = _Manners(patience_s=0.0, leaves_globally=47)
    """The typing sign, which is worth nothing when the text could go in its place."""
    BACKGROUND = _Manners(patience_s=60.0, may_come_after_s=10.0, leaves_globally=25)
    """What nobody waits for."""


class Bucket:
    """What may still be asked of one route in one channel, as far as is known."""

    __slots__ = ("limit", "outgoing", "remaining", "resets_at")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.remaining = limit
        self.resets_at = math.inf
        self.outgoing = 0

    def wait_s(self, now: float, leaves: int) -> float:
        """Seconds until a request may leave that leaves so many to others."""
        if now >= self.resets_at:
            self.remaining, self.resets_at = max(0, self.limit - self.outgoing), math.inf
        if self.remaining > min(leaves, self.limit - 1):
            return 0.0
        return UNANSWERED_S if self.resets_at == math.inf else max(LATE_S, self.resets_at - now)

    def take(self) -> None:
        """A request leaves."""
        self.remaining -= 1
        self.outgoing += 1

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take over what an answer says."""
        limit, remaining = headers.get("X-RateLimit-Limit"), headers.get("X-RateLimit-Remaining")
        reset_after = headers.get("X-RateLimit-Reset-After")
        if limit is None or remaining is None or reset_after is None:
            return
        self.limit = max(1, int(limit))
        resets_at = now + float(reset_after) + LATE_S
        unseen = int(remaining) - self.outgoing  # they will count, if they have not yet
        same = abs(resets_at - self.resets_at) < _OUT_OF_WINDOW_S
        self.remaining = min(self.remaining, int(remaining)) if same else max(0, unseen)
        self.resets_at = resets_at

    def idle(self, now: float) -> bool:
        """Nothing is known that a new one would not know."""
        return not self.outgoing and (self.resets_at == math.inf or now >= self.resets_at)


class Limits:
    """Admits requests; holds what is known of every bucket, and of the limit for all."""

    def __init__(self, clock: Clock, *, per_s: int = GLOBAL_PER_S) -> None:
        self._clock = clock
        self._all = Throttle(clock, per_s=per_s)
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._limits: dict[str, int] = {}
        self._closed_until = -math.inf
        self._pressed_until = -math.inf
        """Until then those who were turned away come back, and what matters less gives way."""
        self._invalid: deque[float] = deque(maxlen=MAX_INVALID)

    @property
    def closed_for_s(self) -> float:
        """How long nothing at all may be asked; not positive where something may."""
        return self._closed_until - self._clock.monotonic()

    def bucket(self, route: str, resource: str) -> Bucket:
        """The bucket of a route, such as `POST /channels/{channel_id}/messages`, for a resource."""
        found = self._buckets.get((route, resource))
        if found is None:
            self._forget_idle()
            found = Bucket(self._limits.get(route, USUAL_LIMIT))
            self._buckets[route, resource] = found
        return found

    async def admit(self, bucket: Bucket, urgency: Urgency, *, globally: bool = True) -> None:
        """Return when the request may leave; `answered` must follow. Raises `PlatformBusy` if it would
        wait too long."""
        manners: _Manners = urgency.value
        began = self._clock.monotonic()
        due = began + manners.may_come_after_s
        while True:
            now = self._clock.monotonic()
            wait_s = max(self.closed_for_s, bucket.wait_s(now, manners.leaves_in_bucket))
            crowd_s = self._crowd_s(manners, due) if globally else 0.0
            longest_s = max(wait_s, crowd_s)
            if longest_s > 0 and now + longest_s > began + manners.patience_s:
                raise self._busy(longest_s, urgency)
            if wait_s <= 0:
                break
            await self._clock.sleep(wait_s)
        bucket.take()
        if globally:
            try:
                await self._all.take(due)
            except asyncio.CancelledError:
                bucket.outgoing -= 1
                raise

    def answered(self, bucket: Bucket, *, globally: bool = True) -> None:
        """An admitted request has come to its end, whatever that was."""
        bucket.outgoing -= 1
        if globally:
            self._all.give_back()

    def _crowd_s(self, manners: _Manners, due: float) -> float:
        """How long the limit for all would make it wait."""
        if not manners.leaves_globally:
            return self._all.wait_s(due)
        pressed = self._all.crowded or self._clock.monotonic() < self._pressed_until
        if self._all.room > manners.leaves_globally and not pressed:
            return 0.0
        return max(self._all.wait_s(due), GIVES_WAY_S)

    def learn(self, route: str, bucket: Bucket, headers: Mapping[str, str]) -> None:
        """A request has been answered."""
        bucket.learn(headers, self._clock.monotonic())
        self._limits[route] = bucket.limit

    def close(self, for_s: float, *, bucket: Bucket | None = None) -> None:
        """Discord asks to wait: with one bucket, or with everything."""
        until = self._clock.monotonic() + for_s
        if bucket is None:
            self._closed_until = max(self._closed_until, until)
        else:
            bucket.remaining, bucket.resets_at = 0, until

    def note_invalid(self) -> None:
        """An answer that counts towards a ban. Long before that, nothing is asked for a while."""
        now = self._clock.monotonic()
        self._invalid.append(now)
        if len(self._invalid) == MAX_INVALID and now - self._invalid[0] < INVALID_WINDOW_S:
            self.close(INVALID_WINDOW_S - (now - self._invalid[0]))

    def _busy(self, wait_s: float, urgency: Urgency) -> PlatformBusy:
        """It is not sent; a last text may be tried at once, as it waits more patiently."""
        if urgency is Urgency.FIRST:
            until = self._clock.monotonic() + wait_s + GIVES_WAY_S
            self._pressed_until = max(self._pressed_until, until)
        passing = urgency in (Urgency.FIRST, Urgency.BETWEEN) and self.closed_for_s <= 0
        return PlatformBusy(
            "as many requests as Discord takes",
            retry_after_s=wait_s,
            last_change_in_s=0.0 if passing else None,
        )

    def _forget_idle(self) -> None:
        if len(self._buckets) < MAX_BUCKETS:
            return
        now = self._clock.monotonic()
        self._buckets = {
            key: bucket for key, bucket in self._buckets.items() if not bucket.idle(now)
        }
