"""What the client tells whoever measures it."""

from dataclasses import dataclass
from typing import Protocol

from bot.breaker import BreakerState
from bot.vocabulary import Attribution, EntryStatus, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReport:
    """One request to the provider has ended."""

    model: str
    attribution: Attribution
    outcome: str
    """`completed`, `abandoned` (the caller went away), or the `kind` of the error."""
    status: EntryStatus
    usage: Usage
    cost_nanousd: int | None
    duration_s: float
    first_text_s: float | None
    """From sending to the first text; None if there was none."""
    request_id: str | None


class Observer(Protocol):
    """Told as it happens. Must not wait or raise."""

    def request_ended(self, report: RequestReport) -> None:
        """A request to the provider has ended, one way or another."""

    def retrying(self, *, model: str, reason: str, wait_s: float) -> None:
        """The same model is asked again after `wait_s`."""

    def falling_back(self, *, model: str, reason: str) -> None:
        """`model` is asked because the one before it will not answer."""

    def admitted(self, *, model: str, waited_s: float) -> None:
        """A request may go; it waited so long for a place and for the rate limit."""

    def breaker_changed(self, model: str, state: BreakerState) -> None:
        """A model's circuit breaker opened, closed, or tries."""

    def books_failed(self, error: Exception) -> None:
        """An entry of the ledger could not be closed; it stays open until it is recovered."""


class NullObserver:
    """Measures nothing."""

    def request_ended(self, report: RequestReport) -> None:
        """Nothing."""

    def retrying(self, *, model: str, reason: str, wait_s: float) -> None:
        """Nothing."""

    def falling_back(self, *, model: str, reason: str) -> None:
        """Nothing."""

    def admitted(self, *, model: str, waited_s: float) -> None:
        """Nothing."""

    def breaker_changed(self, model: str, state: BreakerState) -> None:
        """Nothing."""

    def books_failed(self, error: Exception) -> None:
        """Nothing."""
