"""Rate limits: a bucket per route and top-level resource, the global one, and Cloudflare's.

https://discord.com/developers/docs/topics/rate-limits
"""

import hashlib
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.vocabulary import Clock
from sandbox.discord.errors import ApiError
from sandbox.discord.faults import CloudflareBan

VIA: Final = {"Via": "1.1 google"}
"""Every answer of Discord's own has it; one without comes from Cloudflare."""

INVALID_WINDOW_S: Final = 600.0
_INVALID_STATUSES: Final = frozenset({401, 403, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How much may be asked for. Unless `enforced`, every bucket says that it is nearly untouched.

    Discord documents none of its buckets; 5 in 5 seconds for posting and for editing, each for every
    channel, is what bots observe.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    messages: int = 5
    messages_window_s: float = 5.0
    others: int = 50
    others_window_s: float = 1.0
    global_per_s: int = 50
    invalid_per_10_min: int = 10_000
    enforced: bool = True

    @classmethod
    def off(cls) -> "RateLimits":
        """Nothing is ever refused, for tests."""
        return cls(enforced=False)


@dataclass(slots=True)
class _Window:
    """So many requests from the first one on, until `ends_s`."""

    limit: int
    length_s: float
    used: int = 0
    ends_s: float = -math.inf

    def take(self, now_s: float) -> bool:
        """Count a request; False if it is one too many."""
        if now_s >= self.ends_s:
            self.used, self.ends_s = 0, now_s + self.length_s
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def left_s(self, now_s: float) -> float:
        """How long until it begins anew."""
        return max(0.0, self.ends_s - now_s)


_PACED = frozenset(
    {
        "POST /channels/{channel_id}/messages",
        "PATCH /channels/{channel_id}/messages/{message_id}",
        "DELETE /channels/{channel_id}/messages/{message_id}",
        "POST /channels/{channel_id}/typing",
        "POST /webhooks/{application_id}/{token}",
        "PATCH /webhooks/{application_id}/{token}/messages/{message_id}",
    }
)


class RateLimiter:
    """Counts requests. `route` is a method and a path with its parameters in braces."""

    def __init__(self, clock: Clock, limits: RateLimits) -> None:
        self._clock = clock
        self.limits = limits
        self._buckets: dict[tuple[str, str], _Window] = {}
        self._global = _Window(limits.global_per_s, 1.0)
        self._invalid: deque[float] = deque(maxlen=limits.invalid_per_10_min)

    def change(self, limits: RateLimits) -> None:
        """Other limits from now on; everything starts anew."""
        self.limits = limits
        self._buckets.clear()
        self._global = _Window(limits.global_per_s, 1.0)
        self._invalid = deque(maxlen=limits.invalid_per_10_min)

    def admit(self, route: str, resource: str, *, counts_globally: bool) -> Mapping[str, str]:
        """Count a request; the headers of its answer.

        Raises:
            ApiError: 429, from the bucket or from the global limit.
            CloudflareBan: too many invalid requests lately.
        """
        if not self.limits.enforced:
            return self._headers(route, 1_000, 1_000, 1.0)
        self._check_ban()
        now_s = self._clock.monotonic()
        if counts_globally and not self._global.take(now_s):
            raise too_many(self._global.left_s(now_s), scope="global")
        bucket = self._bucket(route, resource)
        fits = bucket.take(now_s)
        left_s = bucket.left_s(now_s)
        headers = self._headers(route, bucket.limit, bucket.limit - bucket.used, left_s)
        if not fits:
            raise too_many(left_s, scope="user", headers=headers)
        return headers

    def note(self, status: int, scope: str | None) -> None:
        """Count an answer, if it is an invalid one; those of shared limits are not."""
        if status in _INVALID_STATUSES and scope != "shared":
            self._invalid.append(self._clock.monotonic())

    @property
    def invalid_requests(self) -> int:
        """How many invalid requests there were in the last ten minutes."""
        since_s = self._clock.monotonic() - INVALID_WINDOW_S
        return sum(1 for at_s in self._invalid if at_s > since_s)

    def _check_ban(self) -> None:
        if self.invalid_requests >= self.limits.invalid_per_10_min:
            left_s = self._invalid[0] + INVALID_WINDOW_S - self._clock.monotonic()
            raise CloudflareBan(left_s)

    def _bucket(self, route: str, resource: str) -> _Window:
        found = self._buckets.get((route, resource))
        if found is None:
            limits = self.limits
            found = (
                _Window(limits.messages, limits.messages_window_s)
                if route in _PACED
                else _Window(limits.others, limits.others_window_s)
            )
            self._buckets[route, resource] = found
        return found

    def _headers(self, route: str, limit: int, remaining: int, left_s: float) -> dict[str, str]:
        reset_at = self._clock.now().timestamp() + left_s
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": f"{reset_at:.3f}",
            "X-RateLimit-Reset-After": f"{left_s:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(route.encode()).hexdigest()[:32],
        }


def too_many(
    retry_after_s: float, *, scope: str, headers: Mapping[str, str] | None = None
) -> ApiError:
    """A 429 of Discord's own; `scope` is user, global or shared."""
    shown = {
        **VIA,
        **(headers or {}),
        "Retry-After": str(math.ceil(retry_after_s)),
        "X-RateLimit-Scope": scope,
    }
    if scope == "global":
        shown["X-RateLimit-Global"] = "true"
    what = "The resource is" if scope == "shared" else "You are"
    return ApiError(
        429,
        message=f"{what} being rate limited.",
        headers=shown,
        extra={"retry_after": round(retry_after_s, 3), "global": scope == "global"},
    )
