"""When a failed request is tried again, and after how long. All of the policy is here."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.claude.errors import ClaudeError, Follows

Random = Callable[[], float]
"""A number from 0 up to, but not including, 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, under the caller's deadline.

    `base_s` and `cap_s` are those of the official SDK (`INITIAL_RETRY_DELAY`, `MAX_RETRY_DELAY`).
    Full jitter, a wait anywhere between nothing and the backoff, spreads those who failed together:
    https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """

    max_attempts: int = 3
    """Requests to one model, the first included."""
    base_s: float = 0.5
    cap_s: float = 8.0
    retry_after_cap_s: float = 30.0
    """A person waits; when the provider asks for more than this, another model answers sooner."""
    min_attempt_s: float = 0.5
    """With less time than this left after the wait, an attempt is not worth its cost."""

    def wait_s(
        self, error: ClaudeError, *, attempt: int, remaining_s: float, random: Random
    ) -> float | None:
        """How long to wait before asking the same model again; None: not at all.

        `attempt` is the number of the request that failed, from 1. What the provider asks for in
        `retry-after` is waited for in full, with a little jitter on top, or not at all.
        """
        if error.follows is not Follows.RETRY or attempt >= self.max_attempts:
            return None
        asked_for_s = error.retry_after_s or 0.0
        if asked_for_s > self.retry_after_cap_s:
            return None
        jitter_up_to_s = self.base_s if asked_for_s else self.backoff_s(attempt)
        wait_s = asked_for_s + random() * jitter_up_to_s
        return wait_s if wait_s + self.min_attempt_s <= remaining_s else None

    def backoff_s(self, attempt: int) -> float:
        """The longest wait after so many failed requests."""
        return min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 32))
