"""Budgets as counters: what is spent, and what open requests hold. Concurrency can't overshoot them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update

from storage.errors import BudgetExceeded
from storage.tables import BudgetChangeRow, BudgetRow, LedgerRow
from storage.upsert import insert, table

budgets = table(BudgetRow)
changes = table(BudgetChangeRow)
ledger = table(LedgerRow)

Action = Literal["raise", "reset"]


@dataclass(frozen=True, slots=True)
class BudgetClaim:
    """A budget that a request counts for: its counter in the present period, and its limit.

    `downgrade`: where there is no room for the request, a cheaper one may be made in its place.
    """

    key: str
    limit_nanousd: int
    resets_at: datetime
    downgrade: bool = False


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A counter as it stands, in nano-dollars."""

    key: str
    spent_nanousd: int
    held_nanousd: int
    raised_nanousd: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BudgetChange:
    """What was done to a budget: so much added to its limit, or taken off what it had spent."""

    budget_key: str
    action: Action
    amount_nanousd: int
    changed_by: str
    changed_at: datetime


class Room(Enum):
    """Whether a budget has room for a request."""

    FREE = "free"
    HELD = "held"
    """It would, if what is held for others were not."""
    NONE = "none"


def hold(connection: Connection, claims: Sequence[BudgetClaim], amount_nanousd: int) -> None:
    """Set `amount_nanousd` aside in every budget, or in none: spent + held + amount ≤ limit.

    Budgets that share a counter hold it once, under the tightest limit. Counters are locked in the order
    of their keys, so two requests can't wait for each other.

    Raises:
        BudgetExceeded: one has no room; the transaction must roll back. Where several have none, it is
            one that no settling of others gives any.
    """
    tightest = _tightest(claims)
    for claim in tightest:
        _begin(connection, claim.key, ends_at=claim.resets_at)
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
            raise _refusal(connection, claim, tightest, amount_nanousd)


def room(connection: Connection, key: str, *, limit_nanousd: int, wanted_nanousd: int) -> Room:
    """Whether the counter has room for a request that may cost so much, as it stands now."""
    there, left_nanousd, held_nanousd = state(connection, key), limit_nanousd, 0
    if there is not None:
        left_nanousd += there.raised_nanousd - there.spent_nanousd
        held_nanousd = there.held_nanousd
    if wanted_nanousd > left_nanousd:
        return Room.NONE
    return Room.FREE if wanted_nanousd + held_nanousd <= left_nanousd else Room.HELD


def _refusal(
    connection: Connection, refused: BudgetClaim, claims: Sequence[BudgetClaim], wanted_nanousd: int
) -> BudgetExceeded:
    """Waiting for others to settle is in vain if only one budget has no room whatever they do."""

    def used_up(claim: BudgetClaim) -> bool:
        limit = claim.limit_nanousd
        return Room.NONE is room(
            connection, claim.key, limit_nanousd=limit, wanted_nanousd=wanted_nanousd
        )

    claim = next(filter(used_up, claims), None)
    told = claim or refused
    return BudgetExceeded(
        told.key,
        resets_at=told.resets_at,
        limit_nanousd=told.limit_nanousd,
        wanted_nanousd=wanted_nanousd,
        downgrade=told.downgrade,
        held=claim is None,
    )


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
    return None if row is None else _state(row)


def running(connection: Connection, *, now: datetime) -> list[BudgetState]:
    """The counters whose period is not over, by key."""
    query = select(budgets).where(budgets.c.ends_at > now).order_by(budgets.c.key)
    return [_state(row) for row in connection.execute(query)]


def raise_limit(
    connection: Connection,
    key: str,
    amount_nanousd: int,
    *,
    ends_at: datetime,
    by: str,
    now: datetime,
) -> BudgetState:
    """Add to a budget's limit for the rest of its period, and record it."""
    _begin(connection, key, ends_at=ends_at)
    raised = budgets.c.raised_nanousd + amount_nanousd
    row = connection.execute(
        update(budgets).where(budgets.c.key == key).values(raised_nanousd=raised).returning(budgets)
    ).one()
    _record(connection, BudgetChange(key, "raise", amount_nanousd, by, now))
    return _state(row)


def reset(
    connection: Connection, key: str, *, ends_at: datetime, by: str, now: datetime
) -> BudgetState:
    """Have a budget begin afresh, and record how much it had spent. What is held stays held; the
    ledger keeps what was spent."""
    _begin(connection, key, ends_at=ends_at)
    locked = select(budgets).where(budgets.c.key == key).with_for_update()
    before = _state(connection.execute(locked).one())
    row = connection.execute(
        update(budgets).where(budgets.c.key == key).values(spent_nanousd=0).returning(budgets)
    ).one()
    _record(connection, BudgetChange(key, "reset", before.spent_nanousd, by, now))
    return _state(row)


def changes_since(connection: Connection, since: datetime) -> list[BudgetChange]:
    """What was done to budgets, the newest first."""
    query = (
        select(changes)
        .where(changes.c.changed_at >= since)
        .order_by(changes.c.changed_at.desc(), changes.c.id.desc())
    )
    return [
        BudgetChange(row.budget_key, row.action, row.amount_nanousd, row.changed_by, row.changed_at)
        for row in connection.execute(query)
    ]


def count_from(
    connection: Connection,
    column: str | None,
    key_of: Callable[[str], str | None],
    *,
    since: datetime,
    ends_at: datetime,
) -> int:
    """Begin counters with what the ledger says was spent since then: a budget that comes into force in
    the middle of its period counts from the period's beginning. How many were begun.

    `column` of the ledger is what the budget counts by, None: everything together; `key_of` makes a
    value into the counter's key, or into None where the budget does not apply. Counters that are there
    already stay as they are, and requests under way are not counted.
    """
    begun = 0
    for subject, spent_nanousd in _spent_by(connection, column, since):
        key = key_of(subject)
        if key is not None and spent_nanousd:
            begun += _begin(connection, key, ends_at=ends_at, spent_nanousd=spent_nanousd)
    return begun


def _spent_by(connection: Connection, column: str | None, since: datetime) -> list[tuple[str, int]]:
    total = func.sum(ledger.c.cost_nanousd)
    if column is None:
        query: Any = select(total).where(ledger.c.opened_at >= since)
        return [("all", int(connection.execute(query).scalar_one() or 0))]
    subject = ledger.c[column]
    query = (
        select(subject, total)
        .where(ledger.c.opened_at >= since, subject.is_not(None))
        .group_by(subject)
    )
    return [(str(key), int(spent or 0)) for key, spent in connection.execute(query)]


def _begin(connection: Connection, key: str, *, ends_at: datetime, spent_nanousd: int = 0) -> int:
    """Make the counter, unless it is there; how many were made."""
    made = connection.execute(
        insert(connection, budgets)
        .values(key=key, ends_at=ends_at, spent_nanousd=spent_nanousd)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    return made.rowcount


def _record(connection: Connection, change: BudgetChange) -> None:
    connection.execute(
        changes.insert().values(
            budget_key=change.budget_key,
            action=change.action,
            amount_nanousd=change.amount_nanousd,
            changed_by=change.changed_by,
            changed_at=change.changed_at,
        )
    )


def _state(row: Any) -> BudgetState:
    return BudgetState(
        key=row.key,
        spent_nanousd=row.spent_nanousd,
        held_nanousd=row.held_nanousd,
        raised_nanousd=row.raised_nanousd,
        ends_at=row.ends_at,
    )
