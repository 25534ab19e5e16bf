"""What the provider's rate-limit headers say.

Source: https://platform.claude.com/docs/en/api/rate-limits (response headers).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

BUCKETS = ("requests", "tokens", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True)
class Level:
    """How full one of the provider's buckets is: `remaining` of `limit`, full again in `reset_in_s`."""

    limit: int
    remaining: int
    reset_in_s: float


def rate_limits(headers: Mapping[str, str], *, now: datetime) -> dict[str, Level]:
    """The levels by bucket (`BUCKETS`); a bucket whose headers are missing or senseless is left out."""
    levels = {}
    for bucket in BUCKETS:
        prefix = f"anthropic-ratelimit-{bucket}-"
        if f"{prefix}remaining" not in headers:
            continue
        try:
            levels[bucket] = Level(
                limit=int(headers[f"{prefix}limit"]),
                remaining=int(headers[f"{prefix}remaining"]),
                reset_in_s=_seconds_until(headers[f"{prefix}reset"], now),
            )
        except (KeyError, ValueError):
            continue
    return levels


def _seconds_until(when: str, now: datetime) -> float:
    """Raises `ValueError` if `when` is not an RFC 3339 time with a zone."""
    moment = datetime.fromisoformat(when)
    if moment.tzinfo is None:
        raise ValueError("a reset time without a zone")
    return max(0.0, (moment - now).total_seconds())
