"""A circuit breaker for every model, and what an error says about a model."""

from bot.breaker import Blame, Breaker, BreakerState
from bot.claude.errors import ClaudeError, ModelUnavailable
from bot.claude.observer import Observer
from bot.vocabulary import Clock


class Breakers:
    """Made when a model is asked for the first time."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        self._clock = clock
        self._observer = observer
        self._by_model: dict[str, Breaker] = {}

    def of(self, model: str) -> Breaker:
        """The model's breaker."""
        if model not in self._by_model:
            self._by_model[model] = Breaker(
                name=model,
                clock=self._clock,
                judge=blame_of,
                refuse=lambda left_s: unavailable(model, left_s),
                on_change=self._observer.breaker_changed,
            )
        return self._by_model[model]

    def states(self) -> dict[str, BreakerState]:
        """The state of every model that has been asked for."""
        return {model: breaker.state for model, breaker in self._by_model.items()}


def blame_of(error: BaseException) -> Blame:
    """Only errors that blame the model count; a refused request shows that it is there. What the
    provider had no part in (the caller went away, the ledger refused, time was up) says nothing."""
    if not isinstance(error, ClaudeError):
        return Blame.NONE
    if error.blames_model:
        return Blame.FAILED
    return Blame.NONE if error.status is None else Blame.WORKS


def unavailable(model: str, left_s: float) -> ModelUnavailable:
    """The error of a request that is not even made, `left_s` seconds before one may be."""
    message = f"{model} failed repeatedly and is left alone for {left_s:.0f} s more"
    error = ModelUnavailable(message, model=model, retry_after_s=left_s)
    error.reached_provider = False
    return error
