"""What people can ask about money."""

from dataclasses import dataclass

from bot.money.budget_desk import BudgetDesk
from bot.money.used import UsageReader


@dataclass(frozen=True, slots=True)
class MoneyDesk:
    """What was used, and the budgets."""

    usage: UsageReader
    budgets: BudgetDesk
