"""What a period used, added up in ways that an index serves: by model, by day, by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    func,
    literal,
    not_,
    or_,
    select,
)

from bot.vocabulary import EntryStatus, Usage
from storage.ledger import ledger, usage_of
from storage.subjects import Column, Subject, about, subject_of
from storage.usage_sums import dearest_first, sums_of

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ModelSum:
    """Sums over the requests to a model whose prompts were in the same tier of its price: `tier` is how
    many of the borders that were asked about the prompts exceed."""

    model: str
    tier: int
    requests: int
    usage: Usage
    cost_nanousd: int
    unknown_cost_requests: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a channel, a person or a workspace took of the costs; None is nobody in particular."""

    subject: str | None
    requests: int
    cost_nanousd: int
    unknown_cost_requests: int


def by_model(
    connection: Connection,
    *,
    since: datetime,
    until: datetime,
    borders: Sequence[int] = (),
    subject: Subject | None = None,
) -> list[ModelSum]:
    """Sums over the requests made in [since, until), by model and by tier of the prompt's size."""
    tier = _tier(borders)
    query = (
        select(ledger.c.model, tier.label("tier"), *sums_of())
        .where(ledger.c.opened_at >= since, ledger.c.opened_at < until)
        .group_by(ledger.c.model, *([tier] if borders else []))
    )
    return [_model_sum(row) for row in connection.execute(about(query, ledger, subject))]


def by_model_each(
    connection: Connection,
    periods: Sequence[tuple[datetime, datetime]],
    *,
    borders: Sequence[int] = (),
) -> list[list[ModelSum]]:
    """`by_model` of each period, from one snapshot."""
    return [
        by_model(connection, since=since, until=until, borders=borders) for since, until in periods
    ]


def costs(
    connection: Connection,
    periods: Sequence[tuple[datetime, datetime]],
    *,
    channel_key: str | None = None,
) -> list[int]:
    """What was spent in each period [since, until), in nano-dollars, in all or in one channel."""
    query = select(func.sum(ledger.c.cost_nanousd)).where(
        ledger.c.opened_at >= bindparam("since"), ledger.c.opened_at < bindparam("until")
    )
    if channel_key is not None:
        query = query.where(ledger.c.channel_key == channel_key)
    return [
        int(connection.execute(query, {"since": since, "until": until}).scalar_one() or 0)
        for since, until in periods
    ]


def estimated(connection: Connection, periods: Sequence[tuple[datetime, datetime]]) -> int:
    """How many requests made in these periods died on the way, so that their usage is an estimate."""
    query = select(func.count()).where(
        ledger.c.opened_at >= bindparam("since"),
        ledger.c.opened_at < bindparam("until"),
        ledger.c.status == EntryStatus.ESTIMATED.value,
    )
    return sum(
        int(connection.execute(query, {"since": since, "until": until}).scalar_one())
        for since, until in periods
    )


def first_use(connection: Connection) -> datetime | None:
    """When the first request of all was made."""
    # The condition, which all rows meet, makes it plain that an index is to be looked at, not read.
    query = select(func.min(ledger.c.opened_at)).where(ledger.c.opened_at >= _LONG_AGO)
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def shares(
    connection: Connection, column: Column, *, since: datetime, until: datetime
) -> list[Share]:
    """What each channel, person or workspace took of the costs, the dearest first; of direct
    conversations only the sum, as `DIRECT`. It reads no more than it tells, so that it is quick."""
    subject = subject_of(column)
    billed = ledger.c.status != EntryStatus.UNBILLED.value
    open_or_known = or_(
        ledger.c.cost_nanousd.is_not(None), ledger.c.status == EntryStatus.OPEN.value
    )
    query = (
        select(
            subject,
            func.count().filter(billed),
            func.sum(ledger.c.cost_nanousd),
            func.count().filter(not_(open_or_known)),
        )
        .where(ledger.c.opened_at >= since, ledger.c.opened_at < until)
        .group_by(subject)
    )
    found = [
        Share(key, int(requests), int(nanousd or 0), int(unknown))
        for key, requests, nanousd, unknown in connection.execute(query)
        if requests
    ]
    return dearest_first(found)


def _tier(borders: Sequence[int]) -> ColumnElement[int]:
    """How many of the borders the whole prompt exceeds."""
    prompt = (
        ledger.c.input_tokens
        + ledger.c.cache_read_tokens
        + ledger.c.cache_write_5m_tokens
        + ledger.c.cache_write_1h_tokens
    )
    descending = sorted(set(borders), reverse=True)
    if not descending:
        return literal(0, literal_execute=True)
    exceeded = [
        (prompt > literal(border, literal_execute=True), literal(rank, literal_execute=True))
        for rank, border in zip(range(len(descending), 0, -1), descending, strict=True)
    ]
    return case(*exceeded, else_=literal(0, literal_execute=True))


def _model_sum(row: Any) -> ModelSum:
    return ModelSum(
        model=row.model,
        tier=int(row.tier),
        requests=int(row.requests),
        usage=usage_of(row),
        cost_nanousd=int(row.cost_nanousd or 0),
        unknown_cost_requests=int(row.unknown_cost_requests),
    )
