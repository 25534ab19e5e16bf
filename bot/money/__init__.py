"""Money: amounts, periods, what budgets apply, and what was used."""
