"""`[[budgets]]`: how much may be spent, by whom and in what time."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.keys import ChannelKey, UserKey, WorkspaceKey
from config.sections import MAX_USD, Section

_NANO_PER_DOLLAR = 1_000_000_000

Usd = Annotated[
    Decimal, Field(strict=False, gt=0, le=MAX_USD, decimal_places=9, allow_inf_nan=False)
]


class BudgetSettings(Section):
    """One budget. Without a filter it holds for each channel, user or workspace by itself; with
    `channel` or `user` for that one alone, and with `workspace` for those in it."""

    scope: Literal["channel", "user", "workspace", "global"]
    period: Literal["day", "week", "month"]
    limit_usd: Usd
    action: Literal["stop", "downgrade"] = "stop"
    channel: ChannelKey | None = None
    user: UserKey | None = None
    workspace: WorkspaceKey | None = None

    @property
    def limit_nanousd(self) -> int:
        """The limit in nano-dollars, exactly."""
        return int(self.limit_usd * _NANO_PER_DOLLAR)

    @model_validator(mode="after")
    def _filter_suits_the_scope(self) -> "BudgetSettings":
        for name in ("channel", "user"):
            if getattr(self, name) and self.scope != name:
                raise ValueError(f'{name} goes with scope = "{name}" alone; change one of them')
        if self.workspace and self.scope == "global":
            raise ValueError(
                'scope = "global" is everything; remove workspace, or change the scope'
            )
        return self
