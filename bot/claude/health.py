"""How the models are doing, for an operator's page."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.breaker import BreakerState
from bot.claude.rate_limits import Level


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """One model: its breaker, and the provider's limits as it last told them, by bucket."""

    model: str
    breaker: BreakerState
    limits: Mapping[str, Level]


@dataclass(frozen=True, slots=True)
class ClaudeHealth:
    """The requests that wait and that could still go, and every model that has been asked."""

    waiting: int
    free: int
    models: tuple[ModelHealth, ...]
