"""Rate limits that fill with time."""

import pytest

from bot.vocabulary import ManualClock
from sandbox.claude.errors import ApiError
from sandbox.claude.limits import RateLimiter, RateLimits
from sandbox.claude.models import Model, find_model

CLOCK = ManualClock()


def _model(name: str = "claude-sonnet-5-5") -> Model:
    model = find_model(name, CLOCK.now())
    assert model is not None
    return model


def _limiter(clock: ManualClock, **limits: int) -> RateLimiter:
    return RateLimiter(clock, RateLimits(enforced=True, **limits))


async def test_a_used_up_limit_refuses_until_enough_has_come_back() -> None:
    """`retry-after` is the truth: a second earlier is too early, then it works."""
    clock = ManualClock()
    limiter = _limiter(clock, requests_per_min=6)
    for _ in range(6):
        limiter.admit("a", _model(), 10)
    with pytest.raises(ApiError) as caught:
        limiter.admit("a", _model(), 10)
    assert caught.value.status == 429
    assert caught.value.headers["retry-after"] == "10"
    await clock.advance(9)
    with pytest.raises(ApiError):
        limiter.admit("a", _model(), 10)
    await clock.advance(1)
    limiter.admit("a", _model(), 10)


async def test_input_and_output_tokens_are_limited_apart() -> None:
    """Output is counted when it has been written, input when it is sent."""
    clock = ManualClock()
    limiter = _limiter(clock, input_tokens_per_min=600, output_tokens_per_min=60)
    limiter.admit("a", _model(), 600)
    with pytest.raises(ApiError, match="600 input tokens per minute"):
        limiter.admit("a", _model(), 100)
    await clock.advance(60)
    limiter.generated("a", _model(), 90)
    with pytest.raises(ApiError, match="60 output tokens per minute"):
        limiter.admit("a", _model(), 1)


def test_a_prompt_above_the_limit_is_let_in_when_the_bucket_is_full() -> None:
    """Otherwise it could never be sent at all."""
    limiter = _limiter(ManualClock(), input_tokens_per_min=100)
    limiter.admit("a", _model(), 5_000)


def test_accounts_and_models_have_limits_of_their_own() -> None:
    """One does not use up the other's."""
    limiter = _limiter(ManualClock(), requests_per_min=1)
    limiter.admit("a", _model(), 1)
    limiter.admit("b", _model(), 1)
    limiter.admit("a", _model("claude-haiku-5-5"), 1)
    with pytest.raises(ApiError):
        limiter.admit("a", _model(), 1)


async def test_the_headers_tell_what_is_left_and_when_it_is_full_again() -> None:
    """Limit, remaining and reset for each, the tokens together as well."""
    clock = ManualClock()
    limiter = RateLimiter(
        clock,
        RateLimits(requests_per_min=60, input_tokens_per_min=600, output_tokens_per_min=60),
    )
    limiter.admit("a", _model(), 300)
    limiter.generated("a", _model(), 10)
    await clock.advance(5)
    headers = limiter.headers("a", _model())
    prefix = "anthropic-ratelimit-"
    assert headers[prefix + "requests-remaining"] == "60"
    assert headers[prefix + "input-tokens-remaining"] == "350"
    assert headers[prefix + "input-tokens-reset"] == "2026-11-23T09:00:30Z"
    assert headers[prefix + "output-tokens-remaining"] == "55"
    assert headers[prefix + "tokens-limit"] == "660"
    assert headers[prefix + "tokens-remaining"] == "405"


def test_unless_enforced_limits_are_only_told() -> None:
    """The default: headers, but no refusals."""
    limiter = RateLimiter(ManualClock(), RateLimits(requests_per_min=1))
    for _ in range(3):
        limiter.admit("a", _model(), 1)
    assert limiter.headers("a", _model())["anthropic-ratelimit-requests-remaining"] == "0"
