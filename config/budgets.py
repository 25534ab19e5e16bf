"""`[[budgets]]`: how much may be spent, by whom and in what time."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from config.sections import Section

_NANO_PER_DOLLAR = 1_000_000_000

Usd = Annotated[Decimal, Field(strict=False, gt=0, decimal_places=9, allow_inf_nan=False)]
WorkspaceKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*:[^:\s]+$")]
"""`platform:workspace`."""
ChannelKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*:[^:\s]+(:[^:\s]+)?$")]
"""`platform:channel` or `platform:workspace:channel`."""
UserKey = ChannelKey
"""`platform:user` or `platform:workspace:user`."""


class BudgetSettings(Section):
    """One budget. Without a filter it holds for each channel, user or workspace by itself; with
    one, for that one alone."""

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
