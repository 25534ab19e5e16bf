"""Budgets that come into force in the middle of their period count from its beginning."""

import structlog

from bot.money.budget_rules import Beginning, BudgetRules
from storage import budgets
from storage.database import Database

log = structlog.get_logger(__name__)


async def begin_budgets(database: Database, rules: BudgetRules) -> None:
    """Begin the counters that are missing with what the ledger says; before the first request. Raises
    `StorageError`."""
    now = database.now()
    for each in rules.beginnings(now):

        def key_of(subject: str, beginning: Beginning = each) -> str | None:
            counter = beginning.counter(subject)
            return None if rules.claim_of(counter, now) is None else counter.key

        begun = await database.maintain(
            budgets.count_from, each.column, key_of, since=each.since, ends_at=each.ends_at
        )
        if begun:
            log.info("budgets begun", scope=each.scope, period=each.period, counters=begun)
