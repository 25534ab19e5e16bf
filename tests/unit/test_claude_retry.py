"""When a failed request is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.errors import ClaudeError, InvalidRequest, ModelNotFound, Overloaded, RateLimited
from bot.claude.retry import RetryPolicy

POLICY = RetryPolicy(max_attempts=4, base_s=0.5, cap_s=8.0, retry_after_cap_s=30.0)


def wait_s(
    error: ClaudeError, *, attempt: int = 1, remaining_s: float = 100.0, random: float = 0.5
) -> float | None:
    """What the policy says, with a die that always falls the same."""
    return POLICY.wait_s(error, attempt=attempt, remaining_s=remaining_s, random=lambda: random)


def test_the_backoff_doubles_up_to_its_cap() -> None:
    """Each wait can be twice as long as the one before, and none is longer than the cap."""
    assert [POLICY.backoff_s(n) for n in (1, 2, 3, 4, 5, 6, 1000)] == [0.5, 1, 2, 4, 8, 8, 8]


@given(st.integers(1, 3), st.floats(0, 1, exclude_max=True))
def test_the_jitter_is_full(attempt: int, random: float) -> None:
    """A wait is anywhere between nothing and the backoff."""
    wait = wait_s(Overloaded(), attempt=attempt, random=random)
    assert wait == random * POLICY.backoff_s(attempt)


def test_attempts_are_counted() -> None:
    """After the last attempt there is no other."""
    assert wait_s(Overloaded(), attempt=3) is not None
    assert wait_s(Overloaded(), attempt=4) is None


@pytest.mark.parametrize("error", [InvalidRequest(), ModelNotFound()])
def test_what_cannot_succeed_is_not_tried_again(error: ClaudeError) -> None:
    """A request that was refused as it is will be refused again."""
    assert wait_s(error) is None


def test_retry_after_is_waited_for_in_full() -> None:
    """Coming back too early only makes it worse."""
    assert wait_s(RateLimited(retry_after_s=10), random=0.0) == 10
    assert wait_s(RateLimited(retry_after_s=10), random=0.999) == pytest.approx(10.5, abs=0.01)


def test_a_long_retry_after_is_not_waited_for() -> None:
    """An hour is too long for a chat: another model is asked at once."""
    assert wait_s(RateLimited(retry_after_s=3600), remaining_s=10_000) is None


@given(st.floats(0, 20), st.floats(0, 20), st.floats(0, 1, exclude_max=True))
def test_no_wait_goes_beyond_the_deadline(asked: float, remaining: float, random: float) -> None:
    """After every wait there is time left for the attempt itself."""
    wait = wait_s(RateLimited(retry_after_s=asked), remaining_s=remaining, random=random)
    assert wait is None or wait + POLICY.min_attempt_s <= remaining
