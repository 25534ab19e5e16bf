"""A circuit breaker: what keeps failing is left alone for a while, then tried once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, StrEnum, auto

from bot.vocabulary import Clock


class BreakerState(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One call is under way to see whether it works again."""


class Blame(Enum):
    """What an error says about what was called."""

    FAILED = auto()
    WORKS = auto()
    """It answered, if not as one would like."""
    NONE = auto()
    """It had no part in it: the caller went away, say."""


StateChanged = Callable[[str, BreakerState], None]


class Breaker:
    """Watches the calls of one thing, such as the requests to a model.

    After `threshold` failures in a row it opens for `cool_down_s`; then one call, the probe, may pass.
    If that fails too, it opens again for twice as long, up to `max_cool_down_s`. `judge` says what an
    error means, and `refuse` makes the error for a call that may not pass, from the seconds left.
    """

    def __init__(
        self,
        *,
        name: str,
        clock: Clock,
        judge: Callable[[BaseException], Blame],
        refuse: Callable[[float], Exception],
        threshold: int = 5,
        cool_down_s: float = 5.0,
        max_cool_down_s: float = 60.0,
        on_change: StateChanged = lambda _name, _state: None,
    ) -> None:
        self.name = name
        self.state = BreakerState.CLOSED
        self._clock = clock
        self._judge = judge
        self._refuse = refuse
        self._threshold = threshold
        self._first_cool_down_s = cool_down_s
        self._max_cool_down_s = max_cool_down_s
        self._on_change = on_change
        self._failures = 0
        self._cool_down_s = cool_down_s
        self._open_until = 0.0

    def check(self) -> None:
        """Return if a call may pass now. Raises what `refuse` makes if not; changes nothing."""
        left_s = self._open_until - self._clock.monotonic()
        if self.state is BreakerState.OPEN and left_s > 0:
            raise self._refuse(left_s)
        if self.state is BreakerState.HALF_OPEN:
            raise self._refuse(self._cool_down_s)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Around one call: what it raises, or that it raises nothing, is its outcome.

        Raises what `refuse` makes if the call may not pass.
        """
        self.check()
        probing = self.state is BreakerState.OPEN
        if probing:
            self._become(BreakerState.HALF_OPEN)
        try:
            yield
        except BaseException as error:
            self._weigh(self._judge(error), probing)
            raise
        self._succeeded()

    def _weigh(self, blame: Blame, probing: bool) -> None:
        if blame is Blame.FAILED:
            self._failed(probing)
        elif blame is Blame.WORKS:
            self._succeeded()
        elif probing and self.state is BreakerState.HALF_OPEN:
            self._become(BreakerState.OPEN)  # its cool-down is over: the next call is the probe

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
        self._on_change(self.name, state)
