"""What all answers share: the connection, the rules, and who watches."""

from dataclasses import dataclass

from bot.claude.admission import Admission
from bot.claude.bookkeeper import Bookkeeper
from bot.claude.breaker import Breaker
from bot.claude.connection import Connection
from bot.claude.observer import Observer
from bot.claude.pricing import Pricing
from bot.claude.retry import Random, RetryPolicy
from bot.claude.timeouts import Timeouts
from bot.vocabulary import Clock
from config.catalogue import Catalogue


class Breakers:
    """A breaker for every model."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        self._clock = clock
        self._observer = observer
        self._by_model: dict[str, Breaker] = {}

    def of(self, model: str) -> Breaker:
        """The model's breaker."""
        if model not in self._by_model:
            self._by_model[model] = Breaker(
                model=model, clock=self._clock, on_change=self._observer.breaker_changed
            )
        return self._by_model[model]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Built once, by the client."""

    connection: Connection
    clock: Clock
    catalogue: Catalogue
    pricing: Pricing
    admission: Admission
    breakers: Breakers
    bookkeeper: Bookkeeper
    retry: RetryPolicy
    timeouts: Timeouts
    observer: Observer
    random: Random
