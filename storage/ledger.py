"""The ledger: one row per billable request, opened before it is sent, closed with what it used."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, literal, select, update

from bot.vocabulary import BillableRequest, Closing, EntryStatus, Usage
from storage import budgets
from storage.budgets import BudgetClaim
from storage.errors import Unpriced
from storage.tables import LedgerRow
from storage.upsert import insert_on, table

ledger = table(LedgerRow)

# What every turn runs is built once (see `storage.threads`).
_set_open = update(ledger).where(
    ledger.c.id == bindparam("entry"), ledger.c.status == bindparam("status_before")
)
_close = _set_open.returning(ledger.c.held_nanousd, ledger.c.budgets)
_estimate = (
    select(ledger.c.cost_nanousd)
    .where(ledger.c.id == bindparam("entry"), ledger.c.status == EntryStatus.ESTIMATED.value)
    .with_for_update()
)

PriceOf = Callable[[str, Usage, datetime], int | None]
"""(model, usage, time of the request) → nano-dollars, or None where the price is not known."""


def open_entry(
    connection: Connection,
    entry_id: str,
    request: BillableRequest,
    *,
    claims: Sequence[BudgetClaim],
    now: datetime,
) -> None:
    """Open an entry and hold its worst case against every budget it counts for.

    It may be called again when nobody knows whether it worked.

    Raises:
        BudgetExceeded: a budget has no room; the transaction must roll back.
        Unpriced: a budget applies, and what the request can cost is not known.
    """
    if claims and request.worst_case_nanousd is None:
        raise Unpriced(f"a budget applies, but the price of {request.model} is not known")
    held = request.worst_case_nanousd or 0
    opened = connection.execute(
        _new(connection.dialect.name),
        {
            "id": entry_id,
            "opened_at": now,
            "status": EntryStatus.OPEN.value,
            **asdict(request.attribution),
            "model": request.model,
            "held_nanousd": held,
            "expected_input_tokens": request.expected_input_tokens,
            "budgets": json.dumps(sorted({claim.key for claim in claims})),
        },
    )
    if opened.rowcount == 1:
        budgets.hold(connection, claims, held)


def open_all(
    connection: Connection,
    requests: Sequence[tuple[str, BillableRequest]],
    *,
    claims: Sequence[BudgetClaim],
    now: datetime,
) -> None:
    """Open several entries, or none. Raises as `open_entry` does."""
    for entry_id, request in requests:
        open_entry(connection, entry_id, request, claims=claims, now=now)


def close_all(connection: Connection, closings: Iterable[Closing], *, now: datetime) -> None:
    """Close several entries."""
    for closing in closings:
        close(connection, closing, now=now)


def progress(connection: Connection, running: Iterable[tuple[str, Usage]]) -> None:
    """Write down what is known of running requests, for the case that nobody lives to close them."""
    known = [{**_open(entry_id), **_tokens(usage)} for entry_id, usage in sorted(running, key=_id)]
    if known:
        connection.execute(_set_open, known)


def close(connection: Connection, closing: Closing, *, now: datetime) -> bool:
    """Close an entry and settle its budgets; false (and nothing changes) if it was closed already.

    What the provider reported, or that it charges nothing, takes the place of an estimate, which whoever
    took the turn over may have made while its holder still lived.
    """
    values = {
        "status": closing.status.value,
        "closed_at": now,
        "cost_nanousd": closing.cost_nanousd,
        "request_id": closing.request_id,
        **_tokens(closing.usage),
    }
    row = connection.execute(_close, {**_open(closing.entry_id), **values}).one_or_none()
    if row is not None:
        settled = (row.held_nanousd, closing.cost_nanousd or 0)
    elif closing.status in (EntryStatus.COMPLETED, EntryStatus.UNBILLED):
        estimate = connection.execute(_estimate, {"entry": closing.entry_id}).one_or_none()
        if estimate is None:
            return False
        guessed = {"entry": closing.entry_id, "status_before": EntryStatus.ESTIMATED.value}
        row = connection.execute(_close, {**guessed, **values}).one()
        settled = (0, (closing.cost_nanousd or 0) - (estimate.cost_nanousd or 0))
    else:
        return False
    held_nanousd, spent_nanousd = settled
    budgets.settle(
        connection,
        json.loads(row.budgets),
        held_nanousd=held_nanousd,
        spent_nanousd=spent_nanousd,
    )
    return True


def close_abandoned(
    connection: Connection,
    *,
    now: datetime,
    price_of: PriceOf,
    turn_id: str | None = None,
    opened_before: datetime | None = None,
    entry_ids: Sequence[str] | None = None,
) -> int:
    """Close entries whose process died: of one turn, these, or all that were opened before a time.

    Each counts what was reported, or the input that was expected where nothing was.
    """
    is_open = ledger.c.status == literal(EntryStatus.OPEN.value, literal_execute=True)
    query = select(ledger).where(is_open)  # spelt out, or SQLite does not recognise its index
    if turn_id is not None:
        query = query.where(ledger.c.turn_id == turn_id)
    if opened_before is not None:
        query = query.where(ledger.c.opened_at < opened_before)
    if entry_ids is not None:
        query = query.where(ledger.c.id.in_(entry_ids))
    rows = connection.execute(query).all()
    for row in rows:
        usage = usage_of(row)
        if usage.prompt_tokens == 0:
            usage = usage + Usage(input_tokens=row.expected_input_tokens)
        cost = price_of(row.model, usage, row.opened_at)
        close(connection, Closing(row.id, usage, EntryStatus.ESTIMATED, cost), now=now)
    return len(rows)


def open_of(connection: Connection, turn_id: str) -> list[str]:
    """The entries of a turn, or of whatever else has its id, that are open."""
    status = literal(EntryStatus.OPEN.value, literal_execute=True)
    query = select(ledger.c.id).where(ledger.c.turn_id == turn_id, ledger.c.status == status)
    return list(connection.execute(query).scalars())


@cache
def _new(dialect: str) -> Any:
    """Insert an entry, unless it is there already."""
    return insert_on(dialect, ledger).on_conflict_do_nothing(index_elements=["id"])


def _id(running: tuple[str, Usage]) -> str:
    return running[0]


def _open(entry_id: str) -> dict[str, str]:
    """The parameters that name an entry which is still open."""
    return {"entry": entry_id, "status_before": EntryStatus.OPEN.value}


def _tokens(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_5m_tokens": usage.cache_write_5m_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
    }


def usage_of(row: Any) -> Usage:
    """The tokens of an entry, or of a sum over some."""
    return Usage(
        input_tokens=int(row.input_tokens or 0),
        output_tokens=int(row.output_tokens or 0),
        cache_read_tokens=int(row.cache_read_tokens or 0),
        cache_write_5m_tokens=int(row.cache_write_5m_tokens or 0),
        cache_write_1h_tokens=int(row.cache_write_1h_tokens or 0),
    )
