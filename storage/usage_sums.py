"""Sums over the ledger's entries: in all, by period, and by what a column says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Select, func, select

from bot.vocabulary import EntryStatus, Usage
from storage.ledger import ledger, usage_of
from storage.subjects import subject_of
from storage.turn_figures import answered_turns

_TOKENS = tuple(each.name for each in fields(Usage))
"""The ledger's columns are named as the fields of what a request used."""


@dataclass(frozen=True, slots=True)
class UsageSum:
    """Sums over ledger entries; `subject` is what they were grouped by."""

    subject: str | None
    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_nanousd: int = 0
    unknown_cost_requests: int = 0

    def __add__(self, other: "UsageSum") -> "UsageSum":
        """Both in one, under the subject of the first."""
        return UsageSum(
            subject=self.subject,
            requests=self.requests + other.requests,
            usage=self.usage + other.usage,
            cost_nanousd=self.cost_nanousd + other.cost_nanousd,
            unknown_cost_requests=self.unknown_cost_requests + other.unknown_cost_requests,
        )


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage in all, and by the values of some columns."""

    total: UsageSum
    turns: int
    by: Mapping[str, Sequence[UsageSum]]


def report(
    connection: Connection,
    columns: Sequence[str],
    *,
    since: datetime | None,
    until: datetime | None,
) -> UsageReport:
    """All sums for [since, until) from one snapshot, so that they agree with one another."""
    return UsageReport(
        total=total(connection, since=since, until=until),
        turns=answered_turns(connection, since=since, until=until),
        by={column: by(connection, column, since=since, until=until) for column in columns},
    )


def nothing_used(columns: Sequence[str]) -> UsageReport:
    """The report of a database that has seen no request."""
    return UsageReport(UsageSum(None), 0, dict.fromkeys(columns, ()))


def total(connection: Connection, *, since: datetime | None, until: datetime | None) -> UsageSum:
    """The sum over all requests made in [since, until)."""
    row = connection.execute(_between(select(*sums_of()), since, until)).one()
    return _sum_of(None, row)


def total_each(
    connection: Connection, periods: Iterable[tuple[str, datetime, datetime]]
) -> list[UsageSum]:
    """The sum over each period (name, since, until), in their order."""
    return [
        replace(total(connection, since=since, until=until), subject=name)
        for name, since, until in periods
    ]


def total_of(connection: Connection, turn_id: str) -> UsageSum:
    """The sum over the entries of a turn, or of whatever else has its id."""
    row = connection.execute(select(*sums_of()).where(ledger.c.turn_id == turn_id)).one()
    return _sum_of(turn_id, row)


def by(
    connection: Connection, column: str, *, since: datetime | None, until: datetime | None
) -> list[UsageSum]:
    """The sums per value of `model`, `channel_key`, `workspace_key`, `person_key`, `plugin` or
    `purpose`; the dearest first. Of direct conversations only the sum is told, as `DIRECT`."""
    subject = subject_of(column)
    query = _between(select(subject.label("subject"), *sums_of()), since, until).group_by(subject)
    return dearest_first(_sum_of(row.subject, row) for row in connection.execute(query))


class Costly(Protocol):
    """What costs of something are."""

    @property
    def subject(self) -> str | None:
        """Of what."""

    @property
    def cost_nanousd(self) -> int:
        """How much."""


C = TypeVar("C", bound=Costly)


def dearest_first(sums: Iterable[C]) -> list[C]:
    """The order in which people read sums."""
    return sorted(sums, key=lambda each: (-each.cost_nanousd, each.subject or ""))


def sums_of() -> list[Any]:
    """The columns of a query for sums: requests, tokens, what is known to be owed, and for how many
    requests that is not known."""
    billed = ledger.c.status.not_in([EntryStatus.UNBILLED.value])
    unknown = func.count().filter(
        ledger.c.cost_nanousd.is_(None), ledger.c.status != EntryStatus.OPEN.value, billed
    )
    return [
        func.count().filter(billed).label("requests"),
        func.sum(ledger.c.cost_nanousd).label("cost_nanousd"),
        unknown.label("unknown_cost_requests"),
        *(func.sum(ledger.c[name]).label(name) for name in _TOKENS),
    ]


def _between(query: Select[Any], since: datetime | None, until: datetime | None) -> Select[Any]:
    if since is not None:
        query = query.where(ledger.c.opened_at >= since)
    if until is not None:
        query = query.where(ledger.c.opened_at < until)
    return query


def _sum_of(subject: str | None, row: Any) -> UsageSum:
    return UsageSum(
        subject=subject,
        requests=int(row.requests),
        usage=usage_of(row),
        cost_nanousd=int(row.cost_nanousd or 0),
        unknown_cost_requests=int(row.unknown_cost_requests),
    )
