"""A circuit breaker: a model that keeps failing is left alone for a while, then tried once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from bot.claude.errors import ClaudeError, ModelUnavailable
from bot.vocabulary import Clock


class BreakerState(StrEnum):
    """Whether requests pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One request is under way to see whether the model is back."""


StateChanged = Callable[[str, BreakerState], None]


class Breaker:
    """Watches the requests to one model.

    After `threshold` failures in a row it opens for `cool_down_s`; then one request, the probe, may
    pass. If that fails too, it opens again for twice as long, up to `max_cool_down_s`. Only errors
    that blame the model count: a refused request shows that it is there.
    """

    def __init__(
        self,
        *,
        model: str,
        clock: Clock,
        threshold: int = 5,
        cool_down_s: float = 5.0,
        max_cool_down_s: float = 60.0,
        on_change: StateChanged = lambda _model, _state: None,
    ) -> None:
        self.model = model
        self.state = BreakerState.CLOSED
        self._clock = clock
        self._threshold = threshold
        self._first_cool_down_s = cool_down_s
        self._max_cool_down_s = max_cool_down_s
        self._on_change = on_change
        self._failures = 0
        self._cool_down_s = cool_down_s
        self._open_until = 0.0

    def check(self) -> None:
        """Return if a request may pass now. Raises `ModelUnavailable` if not; changes nothing."""
        left_s = self._open_until - self._clock.monotonic()
        if self.state is BreakerState.OPEN and left_s > 0:
            raise self._unavailable(left_s)
        if self.state is BreakerState.HALF_OPEN:
            raise self._unavailable(self._cool_down_s)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Around one request: what it raises, or that it raises nothing, is its outcome.

        What the provider had no part in (the caller went away, the ledger refused, time was up)
        says nothing about the model. Raises `ModelUnavailable` if the request may not pass.
        """
        self.check()
        probing = self.state is BreakerState.OPEN
        if probing:
            self._become(BreakerState.HALF_OPEN)
        try:
            yield
        except BaseException as error:
            self._judge(error, probing)
            raise
        self._succeeded()

    def _judge(self, error: BaseException, probing: bool) -> None:
        if isinstance(error, ClaudeError) and error.blames_model:
            self._failed(probing)
        elif isinstance(error, ClaudeError) and error.status is not None:
            self._succeeded()
        elif probing and self.state is BreakerState.HALF_OPEN:
            self._become(BreakerState.OPEN)  # its cool-down is over: the next request is the probe

    def _failed(self, probing: bool) -> None:
        self._failures += 1
        if probing:
            self._cool_down_s = min(self._max_cool_down_s, self._cool_down_s * 2)
        elif self.state is not BreakerState.CLOSED or self._failures < self._threshold:
            return
        self._open_until = self._clock.monotonic() + self._cool_down_s
        self._become(BreakerState.OPEN)

    def _succeeded(self) -> None:
        self._failures = 0
        self._cool_down_s = self._first_cool_down_s
        if self.state is not BreakerState.CLOSED:
            self._become(BreakerState.CLOSED)

    def _become(self, state: BreakerState) -> None:
        self.state = state
        self._on_change(self.model, state)

    def _unavailable(self, left_s: float) -> ModelUnavailable:
        message = f"{self.model} failed repeatedly and is left alone for {left_s:.0f} s more"
        error = ModelUnavailable(message, model=self.model, retry_after_s=left_s)
        error.reached_provider = False
        return error
