"""What the provider says about its limits, and when the next request may go."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.rate_gate import UNPROVEN_REQUESTS, RateGate
from bot.claude.rate_limits import Level, rate_limits

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_the_headers_are_read() -> None:
    """Limit, what remains of it, and when it is full again."""
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "3",
        "anthropic-ratelimit-requests-reset": "2026-11-23T09:00:30Z",
    }
    assert rate_limits(headers, now=NOW) == {"requests": Level(50, 3, 30.0)}


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "many"), ("remaining", ""), ("reset", "soon"), ("reset", "2026-11-23")],
)
def test_senseless_headers_are_left_out(name: str, value: str) -> None:
    """A header that can't be read limits nothing."""
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "3",
        "anthropic-ratelimit-requests-reset": "2026-11-23T09:00:30Z",
        f"anthropic-ratelimit-requests-{name}": value,
    }
    assert rate_limits(headers, now=NOW) == {}


def gate_with(**levels: Level) -> RateGate:
    """A gate that was told those levels at time 0."""
    gate = RateGate()
    gate.saw({name.replace("_", "-"): level for name, level in levels.items()}, 0.0)
    return gate


def test_a_used_up_limit_is_waited_for_as_long_as_one_request_takes_to_refill() -> None:
    """Buckets refill all the time: one of 60 a minute has room again after a second."""
    gate = gate_with(requests=Level(60, 0, 60.0))
    assert gate.wait_s(0.0, tokens=1) == 1.0
    assert gate.wait_s(0.75, tokens=1) == 0.25
    assert gate.wait_s(1.0, tokens=1) == 0.0


def test_no_wait_is_longer_than_the_announced_reset() -> None:
    """When the provider says that it starts anew, it does."""
    gate = gate_with(requests=Level(5, 0, 2.0))
    assert gate.wait_s(0.0, tokens=1) == 2.0
    assert gate.wait_s(2.0, tokens=1) == 0.0


def test_prompts_wait_for_tokens() -> None:
    """A long prompt waits where a short one may go."""
    gate = gate_with(input_tokens=Level(6000, 1000, 60.0))
    assert gate.wait_s(0.0, tokens=900) == 0.0
    assert gate.wait_s(0.0, tokens=2000) == 10.0


def test_a_prompt_larger_than_the_limit_waits_for_a_full_bucket() -> None:
    """It waits until it may be tried, not for ever."""
    gate = gate_with(input_tokens=Level(6000, 0, 60.0))
    assert gate.wait_s(0.0, tokens=1_000_000) == 60.0
    assert gate.wait_s(60.0, tokens=1_000_000) == 0.0


def test_what_is_under_way_is_counted() -> None:
    """The last place can't be taken twice before the provider has counted the first."""
    gate = gate_with(requests=Level(60, 1, 59.0))
    assert gate.wait_s(0.0, tokens=1) == 0.0
    gate.reserve(1)
    assert gate.wait_s(0.0, tokens=1) == 1.0
    gate.release(1)
    assert gate.wait_s(0.0, tokens=1) == 0.0


def test_a_request_to_wait_closes_the_gate() -> None:
    """Nothing goes before `retry-after` is over; a shorter one does not open it earlier."""
    gate = RateGate()
    gate.close_for(10.0, 0.0)
    gate.close_for(1.0, 0.0)
    assert gate.wait_s(0.0, tokens=1) == 10.0
    assert gate.wait_s(10.0, tokens=1) == 0.0


def test_a_burst_before_the_first_response_is_held_back() -> None:
    """Nobody knows the limit yet, so only a few find out."""
    gate = RateGate()
    for _ in range(UNPROVEN_REQUESTS):
        assert gate.wait_s(0.0, tokens=1) == 0.0
        gate.reserve(1)
    assert gate.wait_s(0.0, tokens=1) == float("inf")
    gate.saw({}, 0.0)
    assert gate.wait_s(0.0, tokens=1) == 0.0


def test_prompts_that_come_from_the_cache_soon_count_for_less() -> None:
    """Cache reads are not limited, so a long cached thread need not wait for its whole length."""
    gate = gate_with(input_tokens=Level(6000, 1000, 60.0))
    before = gate.wait_s(0.0, tokens=3000)
    for _ in range(20):
        gate.learn(expected=3000, charged=150)
    assert before > 0.0
    assert gate.wait_s(0.0, tokens=3000) == 0.0


levels = st.builds(
    Level, st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0, 600, allow_nan=False)
)


@given(levels, levels, st.integers(0, 100_000), st.integers(0, 5))
def test_waiting_as_long_as_told_is_always_enough(
    requests: Level, tokens: Level, size: int, under_way: int
) -> None:
    """Whatever the headers say, no request waits for ever, nor longer than to the last reset."""
    gate = gate_with(requests=requests, input_tokens=tokens)
    for _ in range(under_way):
        gate.reserve(size)
    wait = gate.wait_s(0.0, tokens=size)
    assert 0.0 <= wait <= max(requests.reset_in_s, tokens.reset_in_s)
    assert gate.wait_s(wait + 1e-6, tokens=size) == 0.0
