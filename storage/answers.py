"""Answers that may be given again: to exactly the same request, or in an outage to the same question."""

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from storage.tables import AnswerRow
from storage.upsert import insert_on, table

answers = table(AnswerRow)

_COLUMNS = (
    answers.c.key,
    answers.c.question_key,
    answers.c.model,
    answers.c.markdown,
    answers.c.created_at,
)
# What every turn runs is built once (see `storage.threads`).
_same_request = select(*_COLUMNS).where(
    answers.c.key == bindparam("same"), answers.c.created_at >= bindparam("since")
)


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """An answer given before. `key` is the hash of the request, `question_key` of the question alone."""

    key: str
    question_key: str
    model: str
    markdown: str
    created_at: datetime


def remember(connection: Connection, answer: KnownAnswer) -> None:
    """Keep an answer; a newer one to the same request takes its place."""
    connection.execute(_new_or_newer(connection.dialect.name), asdict(answer))


def same_request(connection: Connection, key: str, *, since: datetime) -> KnownAnswer | None:
    """The answer to exactly this request, unless it is older than `since`."""
    row = connection.execute(_same_request, {"same": key, "since": since}).one_or_none()
    return None if row is None else KnownAnswer(*row)


def same_question(
    connection: Connection, question_key: str, *, since: datetime
) -> KnownAnswer | None:
    """The newest answer to the same question, unless it is older than `since`."""
    row = connection.execute(
        select(*_COLUMNS)
        .where(answers.c.question_key == question_key, answers.c.created_at >= since)
        .order_by(answers.c.created_at.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else KnownAnswer(*row)


@cache
def _new_or_newer(dialect: str) -> Any:
    new = insert_on(dialect, answers)
    values = {column.name: new.excluded[column.name] for column in _COLUMNS[1:]}
    return new.on_conflict_do_update(index_elements=["key"], set_=values)
