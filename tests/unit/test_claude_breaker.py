"""A model that keeps failing is left alone for a while."""

import asyncio

import pytest

from bot.breaker import Breaker, BreakerState
from bot.claude.breakers import blame_of, unavailable
from bot.claude.errors import ClaudeError, InvalidRequest, ModelUnavailable, Overloaded, RateLimited
from bot.vocabulary import ManualClock


class Tried:
    """A breaker, its clock, and what it told."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[BreakerState] = []
        self.breaker = Breaker(
            name="m",
            clock=self.clock,
            judge=blame_of,
            refuse=lambda left_s: unavailable("m", left_s),
            threshold=3,
            cool_down_s=5.0,
            max_cool_down_s=12.0,
            on_change=lambda _model, state: self.told.append(state),
        )

    def request(self, error: BaseException | None = None) -> None:
        """A request that ends so."""
        with self.breaker.watch():
            if error is not None:
                raise error

    def fail(self, times: int = 1) -> None:
        """Requests that find the model overloaded."""
        for _ in range(times):
            with pytest.raises(Overloaded):
                self.request(Overloaded())


@pytest.fixture
def tried() -> Tried:
    """A closed breaker that opens after three failures."""
    return Tried()


def test_it_opens_after_failures_in_a_row(tried: Tried) -> None:
    """Then no request passes, and the caller is told for how long."""
    tried.fail(3)
    with pytest.raises(ModelUnavailable) as caught:
        tried.request()
    assert caught.value.retry_after_s == 5.0
    assert tried.told == [BreakerState.OPEN]


def test_a_success_in_between_starts_the_count_again(tried: Tried) -> None:
    """Only failures in a row count."""
    tried.fail(2)
    tried.request()
    tried.fail(2)
    tried.request()
    assert tried.told == []


@pytest.mark.parametrize(
    "error",
    [InvalidRequest(status=400), RateLimited(status=429), KeyError(), asyncio.CancelledError()],
)
def test_what_does_not_blame_the_model_does_not_open_it(tried: Tried, error: BaseException) -> None:
    """A bad request, a rate limit or a caller who went away says nothing against the model."""
    for _ in range(10):
        with pytest.raises(type(error)):
            tried.request(error)
    assert tried.breaker.state is BreakerState.CLOSED


async def test_one_probe_closes_it_again(tried: Tried) -> None:
    """After the cool-down one request may pass; if it succeeds, all may."""
    tried.fail(3)
    await tried.clock.advance(5.0)
    tried.request()
    tried.request()
    assert tried.told == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


async def test_only_one_probe_at_a_time(tried: Tried) -> None:
    """While one request tries, the others don't wait for what comes of it."""
    tried.fail(3)
    await tried.clock.advance(5.0)
    with tried.breaker.watch(), pytest.raises(ModelUnavailable):
        tried.request()


async def test_each_failed_probe_doubles_the_cool_down_up_to_a_cap(tried: Tried) -> None:
    """A model that stays away is asked less and less often, but never given up."""
    tried.fail(3)
    waits = []
    for _ in range(4):
        with pytest.raises(ModelUnavailable) as caught:
            tried.request()
        waits.append(caught.value.retry_after_s or 0.0)
        await tried.clock.advance(waits[-1])
        tried.fail()
    assert waits == [5.0, 10.0, 12.0, 12.0]


async def test_an_abandoned_probe_makes_room_for_the_next(tried: Tried) -> None:
    """A caller who goes away during the probe does not leave the breaker half open for ever."""
    tried.fail(3)
    await tried.clock.advance(5.0)
    with pytest.raises(asyncio.CancelledError):
        tried.request(asyncio.CancelledError())
    tried.request()
    assert tried.breaker.state is BreakerState.CLOSED


async def test_a_refused_probe_shows_that_the_model_is_there(tried: Tried) -> None:
    """An answer with status 400 is an answer."""
    tried.fail(3)
    await tried.clock.advance(5.0)
    error: ClaudeError = InvalidRequest(status=400)
    with pytest.raises(InvalidRequest):
        tried.request(error)
    assert tried.breaker.state is BreakerState.CLOSED
