"""What was used, and the budgets there are, as plugin code gets to know them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

UsageScope = Literal["person", "channel", "workspace"]


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model was used for. `cost` is it in words, `$1.20` or `not known`."""

    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal
    """What is known."""
    unknown_cost_requests: int
    cost: str


@dataclass(frozen=True, slots=True)
class UsageView:
    """What somebody, a channel or a workspace used in a period. `period` and `cost` are words."""

    period: str
    turns: int
    """How many messages were answered."""
    cost_usd: Decimal
    unknown_cost_requests: int
    """Requests of which it is not known what they cost: they are not in `cost_usd`."""
    cost: str
    saved_usd: Decimal
    """What the prompt cache saved."""
    saved: str
    by_model: Sequence[ModelUsage]
    """The dearest first."""


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget in its present period. Amounts are exact; `used` and `resets` are words."""

    name: str
    limit_usd: Decimal
    """With what was added to it."""
    spent_usd: Decimal
    held_usd: Decimal
    """Set aside for requests under way."""
    raised_usd: Decimal
    action: Literal["stop", "downgrade"]
    resets_at: datetime
    used: str
    resets: str
