"""Whose usage it is: what entries of the ledger, and turns, are told apart by."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, case, literal

from storage.tables import LedgerRow
from storage.upsert import table

_ledger = table(LedgerRow)

Column = Literal["channel_key", "person_key", "workspace_key"]

DIRECT = "direct messages"
"""Stands for all direct conversations where channels are listed."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose usage: rows in which the column has this value."""

    column: Column
    key: str


def about(query: Select[Any], rows: Any, subject: Subject | None) -> Select[Any]:
    """The query, for the rows of one subject alone; for all where there is none."""
    return query if subject is None else query.where(rows.c[subject.column] == subject.key)


def subject_of(column: str) -> Any:
    """What entries of the ledger are told apart by: the column's value, but all direct conversations
    together."""
    if column != "channel_key":
        return _ledger.c[column]
    direct = literal(DIRECT, literal_execute=True)
    return case((_ledger.c.direct, direct), else_=_ledger.c[column])
