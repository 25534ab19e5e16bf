"""What a period used, added up in ways that an index serves: by model, by day, in turns."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    not_,
    or_,
    select,
)

from bot.vocabulary import ANSWERS, FAILURES, TURNED_AWAY, EntryStatus, TurnOutcome, Usage
from storage.ledger import ledger, subject_of, sums_of, turns, usage_of

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Column = Literal["channel_key", "person_key", "workspace_key"]

_FAILED = FAILURES | {TurnOutcome.TOO_LONG}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose usage: rows in which the column has this value."""

    column: Column
    key: str


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


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """How the turns of a period came out. `fallbacks` were answered by another model than meant."""

    answered: int = 0
    failed: int = 0
    turned_away: int = 0
    fallbacks: int = 0
    first_text_s: float | None = None
    """The median time from a turn's beginning to the first text of its answer."""


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
    return [_model_sum(row) for row in connection.execute(_about(query, ledger, subject))]


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
    return sorted(found, key=lambda each: (-each.cost_nanousd, each.subject or ""))


def answered_turns(
    connection: Connection, *, since: datetime, until: datetime, subject: Subject | None = None
) -> int:
    """How many turns opened in [since, until) ended in an answer or a refusal."""
    query = select(func.count()).where(
        turns.c.outcome.in_(ANSWERS), turns.c.opened_at >= since, turns.c.opened_at < until
    )
    return int(connection.execute(_about(query, turns, subject)).scalar_one())


def turn_figures(connection: Connection, *, since: datetime, until: datetime) -> TurnFigures:
    """How the turns opened in [since, until) came out."""
    query = (
        select(turns.c.outcome, func.count(), func.count(turns.c.fallback))
        .where(turns.c.opened_at >= since, turns.c.opened_at < until)
        .group_by(turns.c.outcome)
    )
    rows = connection.execute(query).all()

    def sum_of(outcomes: Collection[str]) -> int:
        return sum(int(count) for outcome, count, _ in rows if outcome in outcomes)

    return TurnFigures(
        answered=sum_of(ANSWERS),
        failed=sum_of(_FAILED),
        turned_away=sum_of(TURNED_AWAY),
        fallbacks=sum(int(fallbacks) for _, _, fallbacks in rows),
        first_text_s=_median_first_text_s(connection, since, until),
    )


def _median_first_text_s(connection: Connection, since: datetime, until: datetime) -> float | None:
    """The lower median, so that it is a time that somebody waited."""
    had_text = and_(
        turns.c.opened_at >= since,
        turns.c.opened_at < until,
        turns.c.first_text_at.is_not(None),
        turns.c.outcome.in_(ANSWERS),
    )
    count = int(connection.execute(select(func.count()).where(had_text)).scalar_one())
    if not count:
        return None
    waited = _seconds_between(connection, turns.c.opened_at, turns.c.first_text_at)
    query = select(waited).where(had_text).order_by(waited).offset((count - 1) // 2).limit(1)
    return max(0.0, float(connection.execute(query).scalar_one()))


def _seconds_between(connection: Connection, start: Any, end: Any) -> ColumnElement[float]:
    if connection.dialect.name == "postgresql":
        return func.extract("epoch", end - start).cast(Float)
    return (func.julianday(end) - func.julianday(start)) * 86_400.0


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


def _about(query: Select[Any], rows: Any, subject: Subject | None) -> Select[Any]:
    return query if subject is None else query.where(rows.c[subject.column] == subject.key)


def _model_sum(row: Any) -> ModelSum:
    return ModelSum(
        model=row.model,
        tier=int(row.tier),
        requests=int(row.requests),
        usage=usage_of(row),
        cost_nanousd=int(row.cost_nanousd or 0),
        unknown_cost_requests=int(row.unknown_cost_requests),
    )
