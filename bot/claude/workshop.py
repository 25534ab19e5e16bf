"""What all answers share: the connection, the rules, and who watches."""

from dataclasses import dataclass

from bot.claude.admission import Admission
from bot.claude.bookkeeper import Bookkeeper
from bot.claude.breakers import Breakers
from bot.claude.connection import Connection
from bot.claude.observer import Observer
from bot.claude.pricing import Pricing
from bot.claude.retry import Random, RetryPolicy
from bot.claude.timeouts import Timeouts
from bot.vocabulary import Clock
from config.catalogue import Catalogue


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
