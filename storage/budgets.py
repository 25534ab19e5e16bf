"""Budgets as counters: what is spent, and what open requests hold. Concurrency can't overshoot them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from storage.errors import BudgetExceeded
from storage.tables import BudgetRow
from storage.upsert import insert, table

budgets = table(BudgetRow)


@dataclass(frozen=True, slots=True)
class BudgetClaim:
    """A budget that a request counts for: its counter in the present period, and its limit."""

    key: str
    limit_nanousd: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A counter as it stands, in nano-dollars."""

    key: str
    spent_nanousd: int
    held_nanousd: int
    raised_nanousd: int
    ends_at: datetime


def hold(connection: Connection, claims: Sequence[BudgetClaim], amount_nanousd: int) -> None:
    """Set `amount_nanousd` aside in every budget, or in none: spent + held + amount ≤ limit.

    Budgets that share a counter hold it once, under the tightest limit. Counters are locked in the order
    of their keys, so two requests can't wait for each other.

    Raises:
        BudgetExceeded: one has no room; the transaction must roll back.
    """
    for claim in _tightest(claims):
        connection.execute(
            insert(connection, budgets)
            .values(key=claim.key, ends_at=claim.resets_at)
            .on_conflict_do_nothing(index_elements=["key"])
        )
        changed = connection.execute(
            update(budgets)
            .where(
                budgets.c.key == claim.key,
                budgets.c.spent_nanousd + budgets.c.held_nanousd + amount_nanousd
                <= claim.limit_nanousd + budgets.c.raised_nanousd,
            )
            .values(held_nanousd=budgets.c.held_nanousd + amount_nanousd)
        )
        if changed.rowcount == 0:
            raise BudgetExceeded(claim.key, resets_at=claim.resets_at)


def _tightest(claims: Sequence[BudgetClaim]) -> list[BudgetClaim]:
    """One claim a counter, in the order of their keys."""
    loosest_first = sorted(claims, key=lambda claim: -claim.limit_nanousd)
    by_key = {claim.key: claim for claim in loosest_first}
    return [by_key[key] for key in sorted(by_key)]


def settle(
    connection: Connection, keys: Sequence[str], *, held_nanousd: int, spent_nanousd: int
) -> None:
    """Replace what a request held by what it cost."""
    for key in sorted(keys):
        connection.execute(
            update(budgets)
            .where(budgets.c.key == key)
            .values(
                held_nanousd=budgets.c.held_nanousd - held_nanousd,
                spent_nanousd=budgets.c.spent_nanousd + spent_nanousd,
            )
        )


def state(connection: Connection, key: str) -> BudgetState | None:
    """The counter with this key, if anything was ever counted there."""
    row = connection.execute(select(budgets).where(budgets.c.key == key)).one_or_none()
    if row is None:
        return None
    return BudgetState(
        key=row.key,
        spent_nanousd=row.spent_nanousd,
        held_nanousd=row.held_nanousd,
        raised_nanousd=row.raised_nanousd,
        ends_at=row.ends_at,
    )
