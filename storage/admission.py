"""Letting a turn's first request go: its place in the rate limit and its ledger entry, at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.vocabulary import BillableRequest
from storage import ledger, rate_limits
from storage.budgets import BudgetClaim


@dataclass(frozen=True, slots=True)
class Slot:
    """A turn's claim on its channel's rate limit: at most `messages` start in any `per_s` seconds.

    `keep`: where there is no room now, a later place is kept for it.
    """

    turn_id: str
    channel_key: str
    messages: int
    per_s: float
    keep: bool


def admit(
    connection: Connection,
    entry_id: str,
    request: BillableRequest,
    *,
    slot: Slot,
    left: Iterable[tuple[str, datetime]] = (),
    claims: Sequence[BudgetClaim],
    now: datetime,
) -> datetime | None:
    """Take the turn's place and open the entry, both or neither. `left` says of earlier turns when
    their requests really left (see `rate_limits.left_at`).

    Returns:
        None if the request may go, else the time at which there is room in the rate limit.

    Raises:
        BudgetExceeded, Unpriced: as `ledger.open_entry`.
    """
    rate_limits.left_at(connection, left)
    until = rate_limits.take(
        connection,
        channel_key=slot.channel_key,
        turn_id=slot.turn_id,
        now=now,
        messages=slot.messages,
        per_s=slot.per_s,
    )
    if until is None:
        ledger.open_entry(connection, entry_id, request, claims=claims, now=now)
    elif not slot.keep:
        rate_limits.give_back(connection, slot.turn_id)
    return until
