"""How the turns of a period came out, and how long people waited."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, and_, func, select

from bot.vocabulary import ANSWERS, FAILURES, TURNED_AWAY, TurnOutcome
from storage.subjects import Subject, about
from storage.tables import TurnRow
from storage.upsert import table

turns = table(TurnRow)

_FAILED = FAILURES | {TurnOutcome.TOO_LONG}


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """How the turns of a period came out. `fallbacks` were answered by another model than meant."""

    answered: int = 0
    failed: int = 0
    turned_away: int = 0
    fallbacks: int = 0
    first_text_s: float | None = None
    """The median time from a turn's beginning to the first text of its answer."""


def answered_turns(
    connection: Connection,
    *,
    since: datetime | None,
    until: datetime | None,
    subject: Subject | None = None,
) -> int:
    """How many turns opened in [since, until) ended in an answer or a refusal; None is no bound."""
    query = select(func.count()).where(turns.c.outcome.in_(ANSWERS))
    if since is not None:
        query = query.where(turns.c.opened_at >= since)
    if until is not None:
        query = query.where(turns.c.opened_at < until)
    return int(connection.execute(about(query, turns, subject)).scalar_one())


def of_period(connection: Connection, *, since: datetime, until: datetime) -> TurnFigures:
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
