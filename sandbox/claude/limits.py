"""Rate limits: token buckets that fill all the time, their headers, and their 429."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.vocabulary import Clock
from sandbox.claude.errors import ApiError
from sandbox.claude.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """What an account may use of each model.

    Unless `enforced`, the limits are only reported. `max_concurrent` requests may run at once in
    the whole service; one more gets 529. The defaults are far above what one machine can use.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    requests_per_min: int = 100_000
    input_tokens_per_min: int = 1_000_000_000
    output_tokens_per_min: int = 200_000_000
    enforced: bool = False
    max_concurrent: int | None = None


@dataclass(slots=True)
class _Bucket:
    limit: int
    level: float
    at_s: float

    def refill(self, now_s: float) -> None:
        gained = (now_s - self.at_s) * self.limit / 60
        self.level = min(float(self.limit), self.level + gained)
        self.at_s = now_s

    def take(self, amount: int) -> None:
        self.level = max(self.level - amount, -float(self.limit))

    def wait_s(self, amount: float) -> float:
        """How long until `amount` is there; nothing can ever be asked for beyond the limit."""
        return max(0.0, min(amount, float(self.limit)) - self.level) * 60 / self.limit

    @property
    def remaining(self) -> int:
        return max(0, math.floor(self.level))


@dataclass(slots=True)
class _Account:
    requests: _Bucket
    input_tokens: _Bucket
    output_tokens: _Bucket

    def buckets(self) -> Mapping[str, _Bucket]:
        return {
            "requests": self.requests,
            "input-tokens": self.input_tokens,
            "output-tokens": self.output_tokens,
        }


@dataclass(slots=True)
class RateLimiter:
    """Counts what each account uses of each model against `limits`."""

    clock: Clock
    limits: RateLimits = field(default_factory=RateLimits)
    _accounts: dict[tuple[str, str], _Account] = field(default_factory=dict)

    def change(self, limits: RateLimits) -> None:
        """Other limits from now on; the buckets start full."""
        self.limits = limits
        self._accounts.clear()

    def admit(self, account: str, model: Model, input_tokens: int) -> None:
        """Count a request with that much uncached input.

        Raises:
            ApiError: 429 with `retry-after`, if the limits are enforced and one is used up.
        """
        buckets = self._buckets(account, model)
        if self.limits.enforced:
            wanted = {"requests": 1, "input-tokens": input_tokens, "output-tokens": 1}
            for name, bucket in buckets.buckets().items():
                wait_s = bucket.wait_s(wanted[name])
                if wait_s > 0:
                    raise self._exceeded(name, bucket, wait_s, self.headers(account, model))
        buckets.requests.take(1)
        buckets.input_tokens.take(input_tokens)

    def generated(self, account: str, model: Model, output_tokens: int) -> None:
        """Count what was written."""
        self._buckets(account, model).output_tokens.take(output_tokens)

    def headers(self, account: str, model: Model) -> dict[str, str]:
        """The rate-limit headers of a response."""
        buckets = self._buckets(account, model)
        now = self.clock.now()
        found: dict[str, str] = {}
        for name, bucket in buckets.buckets().items():
            _describe(found, name, bucket.limit, bucket.remaining, now, bucket.wait_s(bucket.limit))
        both = (buckets.input_tokens, buckets.output_tokens)
        _describe(
            found,
            "tokens",
            sum(bucket.limit for bucket in both),
            sum(bucket.remaining for bucket in both),
            now,
            max(bucket.wait_s(bucket.limit) for bucket in both),
        )
        return found

    def _buckets(self, account: str, model: Model) -> _Account:
        now_s = self.clock.monotonic()
        key = (account, model.id)
        found = self._accounts.get(key)
        if found is None:
            found = self._accounts[key] = _Account(
                *(
                    _Bucket(limit, float(limit), now_s)
                    for limit in (
                        self.limits.requests_per_min,
                        self.limits.input_tokens_per_min,
                        self.limits.output_tokens_per_min,
                    )
                )
            )
        for bucket in found.buckets().values():
            bucket.refill(now_s)
        return found

    @staticmethod
    def _exceeded(
        name: str, bucket: _Bucket, wait_s: float, headers: Mapping[str, str]
    ) -> ApiError:
        what = name.replace("-", " ")
        return ApiError(
            429,
            f"This request would exceed your organization's rate limit of {bucket.limit:,} {what} "
            "per minute. Please reduce the prompt length or the maximum tokens requested, or try "
            "again later.",
            headers={**headers, "retry-after": str(math.ceil(wait_s))},
        )


def _describe(
    found: dict[str, str], name: str, limit: int, remaining: int, now: datetime, wait_s: float
) -> None:
    reset = now + timedelta(seconds=math.ceil(wait_s))
    prefix = f"anthropic-ratelimit-{name}-"
    found[prefix + "limit"] = str(limit)
    found[prefix + "remaining"] = str(remaining)
    found[prefix + "reset"] = reset.strftime("%Y-%m-%dT%H:%M:%SZ")
