"""What an operator's page asks: what is under way, how it went lately, the way of one message.

Every query has a limit and an index, so that a page that is always open costs the same whatever is
stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from bot.vocabulary import EntryStatus, Message, TurnOutcome, message_from_json
from storage.budgets import BudgetState
from storage.tables import BudgetRow, InboxRow, LedgerRow, ScheduleRow, ThreadRow, TurnRow
from storage.turns import TurnStatus, outcome_of, unfinished
from storage.upsert import table

turns, threads, inbox = table(TurnRow), table(ThreadRow), table(InboxRow)
ledger, runs, budgets = table(LedgerRow), table(ScheduleRow), table(BudgetRow)

_RUNNING = (TurnStatus.OPEN.value, TurnStatus.ANSWERED.value)


@dataclass(frozen=True, slots=True)
class Underway:
    """A turn that is not over: running under an owner, or put off until `due_at`."""

    turn_id: str
    thread_key: str
    channel_key: str
    person_key: str
    status: TurnStatus
    opened_at: datetime
    owner: str | None
    attempts: int
    due_at: datetime | None


def underway(connection: Connection, *, limit: int) -> list[Underway]:
    """Turns that are not over, the oldest first; parked ones are not among them."""
    of_thread = turns.join(
        threads, and_(threads.c.key == turns.c.thread_key, threads.c.turn_id == turns.c.id)
    )
    rows = connection.execute(
        select(turns, threads.c.owner, threads.c.attempts, threads.c.claimable_at)
        .select_from(of_thread)
        .where(unfinished(), turns.c.status.in_(_RUNNING))
        .order_by(turns.c.opened_at)
        .limit(limit)
    )
    return [_underway(row) for row in rows]


def _underway(row: Any) -> Underway:
    return Underway(
        turn_id=row.id,
        thread_key=row.thread_key,
        channel_key=row.channel_key,
        person_key=row.person_key,
        status=TurnStatus(row.status),
        opened_at=row.opened_at,
        owner=row.owner,
        attempts=row.attempts,
        due_at=row.claimable_at if row.owner is None else None,
    )


@dataclass(frozen=True, slots=True)
class Finished:
    """How a turn went, without a word of what was said."""

    outcome: TurnOutcome | None
    opened_at: datetime
    first_text_at: datetime | None
    delivered_at: datetime | None


def finished(connection: Connection, *, since: datetime, limit: int) -> list[Finished]:
    """Turns opened since then, the newest first."""
    rows = connection.execute(
        select(turns.c.outcome, turns.c.opened_at, turns.c.first_text_at, turns.c.delivered_at)
        .where(turns.c.opened_at >= since)
        .order_by(turns.c.opened_at.desc())
        .limit(limit)
    )
    return [Finished(outcome_of(outcome), *times) for outcome, *times in rows]


@dataclass(frozen=True, slots=True)
class RequestMade:
    """A billable request of a turn."""

    model: str
    purpose: str
    status: EntryStatus
    opened_at: datetime
    closed_at: datetime | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_nanousd: int | None


@dataclass(frozen=True, slots=True)
class Way:
    """How far a message has come through the house. What has not happened yet is None."""

    message: Message
    received_at: datetime
    turn_id: str | None
    owner: str | None
    attempts: int
    status: TurnStatus | None = None
    outcome: TurnOutcome | None = None
    model: str | None = None
    claimed_at: datetime | None = None
    first_text_at: datetime | None = None
    answered_at: datetime | None = None
    delivered_at: datetime | None = None
    requests: tuple[RequestMade, ...] = ()


def way_of(connection: Connection, message_key: str) -> Way | None:
    """The way of the message with this key; None if it never arrived."""
    row = connection.execute(
        select(inbox, threads.c.turn_id.label("open_turn"), threads.c.owner, threads.c.attempts)
        .join(threads, threads.c.key == inbox.c.thread_key)
        .where(inbox.c.message_key == message_key)
    ).one_or_none()
    if row is None:
        return None
    turn_id = row.turn_id or (row.open_turn if row.done_at is None else None)
    way = Way(
        message=message_from_json(row.payload),
        received_at=row.received_at,
        turn_id=turn_id,
        owner=row.owner if row.done_at is None else None,
        attempts=row.attempts,
    )
    turn = connection.execute(select(turns).where(turns.c.id == turn_id)).one_or_none()
    if turn is None:
        return way
    return replace(
        way,
        status=TurnStatus(turn.status),
        outcome=outcome_of(turn.outcome),
        model=turn.model,
        claimed_at=turn.opened_at,
        first_text_at=turn.first_text_at,
        answered_at=turn.answered_at,
        delivered_at=turn.delivered_at,
        requests=_requests_of(connection, turn.id),
    )


def _requests_of(connection: Connection, turn_id: str) -> tuple[RequestMade, ...]:
    rows = connection.execute(
        select(ledger).where(ledger.c.turn_id == turn_id).order_by(ledger.c.opened_at).limit(100)
    )
    return tuple(_request(row) for row in rows)


def _request(row: Any) -> RequestMade:
    return RequestMade(
        model=row.model,
        purpose=row.purpose,
        status=EntryStatus(row.status),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_5m_tokens + row.cache_write_1h_tokens,
        cost_nanousd=row.cost_nanousd,
    )


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a scheduled job."""

    due_at: datetime
    finished_at: datetime | None
    outcome: str | None


def last_runs(connection: Connection, names: Sequence[str]) -> dict[str, Run]:
    """The newest run of each job that has run."""
    found = {}
    for name in names:
        row = connection.execute(
            select(runs.c.due_at, runs.c.finished_at, runs.c.outcome)
            .where(runs.c.name == name)
            .order_by(runs.c.due_at.desc())
            .limit(1)
        ).one_or_none()
        if row is not None:
            found[name] = Run(*row)
    return found


def budgets_now(connection: Connection, *, now: datetime, limit: int) -> list[BudgetState]:
    """The counters of periods that have not ended, the fullest first."""
    rows = connection.execute(
        select(
            budgets.c.key,
            budgets.c.spent_nanousd,
            budgets.c.held_nanousd,
            budgets.c.raised_nanousd,
            budgets.c.ends_at,
        )
        .where(budgets.c.ends_at > now)
        .order_by(budgets.c.spent_nanousd.desc())
        .limit(limit)
    )
    return [BudgetState(*row) for row in rows]
