"""A model: what it takes, what it costs, and until when it is there."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from config.pricing import Price

ThinkingType = Literal["adaptive", "between_tools", "enabled", "disabled"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as the catalogue knows it."""

    id: str
    name: str
    context_window_tokens: int
    max_output_tokens: int
    min_cacheable_tokens: int
    """Prompts below this are silently not cached."""
    thinking_types: tuple[ThinkingType, ...] = ()
    """Values of `thinking.type` that requests may carry; empty: not known, so send none."""
    disabled_thinking_max_effort: Effort | None = None
    """The highest effort at which thinking may be `disabled`; None: no such limit."""
    default_effort: Effort | None = None
    """The effort of a request that names none; None: it takes none or it is not known, so send none."""
    retires_on: date | None = None
    """The first day on which requests fail; None: not announced."""
    prices: tuple[Price, ...] = ()
    """In order of time, without overlap."""

    def price_at(self, when: datetime) -> Price | None:
        """The price in force at `when`; None if none is known. Raises `ValueError` on a naive time."""
        day = _utc_day(when)
        for price in self.prices:
            begun = price.valid_from is None or price.valid_from <= day
            if begun and (price.valid_until is None or day < price.valid_until):
                return price
        return None

    def is_retired_on(self, day: date) -> bool:
        """Whether requests fail on this day."""
        return self.retires_on is not None and day >= self.retires_on


def _utc_day(when: datetime) -> date:
    if when.tzinfo is None:
        raise ValueError("a price is asked for at a time without a time zone")
    return when.astimezone(UTC).date()
