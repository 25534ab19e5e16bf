"""Turns: saving what is shown, committing the answer, ending it; `storage.claims` begins them."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, literal, select, update

from bot.vocabulary import (
    ANSWERS,
    FAILURES,
    Card,
    Closing,
    Fallback,
    StoredFile,
    TurnOutcome,
    Usage,
)
from storage import answers, history, inbox, ledger, rate_limits, reply_messages, threads
from storage.answers import KnownAnswer
from storage.database import notify
from storage.errors import Revised
from storage.history import NewSaid
from storage.inbox import Waiting
from storage.tables import TurnRow
from storage.threads import Fence, HeldThread
from storage.upsert import table

turns = table(TurnRow)

# What every turn runs is built once (see `storage.threads`).
_turn_by_id = select(turns).where(turns.c.id == bindparam("turn"))
_set = update(turns).where(turns.c.id == bindparam("turn"))
_set_open = _set.where(turns.c.status == bindparam("status_before"))
_card = TypeAdapter(Card)


class TurnStatus(StrEnum):
    """Where a turn is on its way."""

    OPEN = "open"
    """It has no answer yet: running, or deferred."""
    ANSWERED = "answered"
    """Its answer is committed; what people see may not be final yet."""
    DELIVERED = "delivered"
    """It is over."""
    PARKED = "parked"
    """It could not be answered or shown; an operator may try it again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as stored."""

    id: str
    thread_key: str
    status: TurnStatus
    opened_at: datetime
    outcome: TurnOutcome | None = None
    model: str | None = None
    answer: str | None = None
    footer: str | None = None
    reply_ids: tuple[str, ...] = ()
    deliveries: int = 0
    detail: str | None = None
    files: tuple[StoredFile, ...] = ()
    """What is sent along with the answer."""
    file_ids: tuple[str, ...] = ()
    """The platform messages of those that have been sent, in the same order."""
    card: Card | None = None
    """How a platform that can lays the answer out; the first of the files is its picture."""

    @property
    def is_over(self) -> bool:
        """Nothing more will be shown for it."""
        return self.status in (TurnStatus.DELIVERED, TurnStatus.PARKED)

    @property
    def to_be_parked(self) -> bool:
        """It failed: once the person has been told, an operator may try it again."""
        return self.outcome in FAILURES


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed thread with the turn to go on with and the messages it answers.

    `resumed`: the turn was begun before, by this replica or by one that died.
    """

    held: HeldThread
    turn: Turn
    messages: tuple[Waiting, ...]
    resumed: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Where the history window starts after a trim, and the summary of what stood before."""

    start: int
    summary: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """All that the end of a turn writes, in one transaction.

    `answer` is the final Markdown, None where nothing is to be shown. A turn whose `outcome` is one of
    `FAILURES` is parked for an operator's retry. `heard` are people who spoke in the thread before the
    bot came to it.
    """

    outcome: TurnOutcome
    answer: str | None
    history: tuple[NewSaid, ...] = ()
    model: str | None = None
    footer: str | None = None
    detail: str | None = None
    first_text_at: datetime | None = None
    entry: Closing | None = None
    remembered: KnownAnswer | None = None
    window: Window | None = None
    context_tokens: int | None = None
    files: tuple[StoredFile, ...] = ()
    card: Card | None = None
    heard: tuple[str, ...] = ()
    fallback: Fallback | None = None
    """Why another model answered than the one that was to, if it did."""


def keep(
    connection: Connection,
    *,
    owner: str,
    held: Collection[Fence],
    running: Iterable[tuple[str, Usage]],
    now: datetime,
    lease_s: float,
) -> dict[str, threads.Signal]:
    """A heartbeat: renew the leases on `held`, and write down what running requests have used.

    What the threads say by their keys; one that is missing is no longer ours.
    """
    signals = threads.keep(connection, owner=owner, held=held, now=now, lease_s=lease_s)
    ledger.progress(connection, running)  # after the threads, as in a commit, or the two deadlock
    return signals


def reload(connection: Connection, fence: Fence) -> tuple[threads.Signal, tuple[Waiting, ...]]:
    """What the thread and its waiting messages say now. Raises `LeaseLost` if it is not ours."""
    return threads.look(connection, fence), inbox.waiting(connection, fence.thread_key)


def save_reply(
    connection: Connection, work: Work, reply_ids: Sequence[str], *, now: datetime
) -> None:
    """Remember the platform messages of the reply as soon as they exist."""
    threads.guard(connection, work.held.fence)
    connection.execute(_set, {"turn": work.turn.id, "reply_ids": json.dumps(list(reply_ids))})
    reply_messages.remember(connection, work.held.thread, reply_ids, now=now)


def save_files(connection: Connection, fence: Fence, turn_id: str, file_ids: Sequence[str]) -> None:
    """Remember the platform messages of files as soon as they exist."""
    threads.guard(connection, fence)
    connection.execute(_set, {"turn": turn_id, "file_ids": json.dumps(list(file_ids))})


def commit(
    connection: Connection, work: Work, answered: Answered, *, revision: int | None, now: datetime
) -> None:
    """The answer, the history and the closed ledger row, in one transaction.

    It may be called again when nobody knows whether it worked: once the turn is answered, nothing more
    is written.

    Raises:
        LeaseLost: the thread is another replica's now; nothing was written.
        Revised: the question changed or a stop came; nothing was written. Not with `revision` None.
    """
    fence, turn_id = work.held.fence, work.turn.id
    try:
        threads.guard(connection, fence, revision=revision, **_thread_values(work, answered))
    except Revised:
        if _is_open(connection, turn_id):
            raise
    if not _answer(connection, turn_id, answered, now=now):
        return
    inbox.answered(connection, work.messages, turn_id=turn_id, now=now)
    history.append(connection, fence.thread_key, answered.history, turn_id=turn_id, now=now)
    if answered.entry is not None:
        ledger.close(connection, answered.entry, now=now)
    if answered.remembered is not None:
        answers.remember(connection, answered.remembered)
    if work.resumed:
        rate_limits.give_back(connection, turn_id)


def undelivered(
    connection: Connection, fence: Fence, turn_id: str, *, until: datetime, now: datetime
) -> None:
    """The final answer could not be shown; let the thread go until it is time to try again."""
    threads.let_go(connection, fence, now=now, turn_ended=False, until=until)
    connection.execute(
        update(turns).where(turns.c.id == turn_id).values(deliveries=turns.c.deliveries + 1)
    )


def end(
    connection: Connection,
    fence: Fence,
    turn_id: str,
    *,
    parked: bool,
    detail: str | None,
    now: datetime,
) -> bool:
    """The turn is over; let its thread go. True if the next turn can begin."""
    more = threads.let_go(connection, fence, now=now, turn_ended=True)
    status = TurnStatus.PARKED if parked else TurnStatus.DELIVERED
    values = {"status": status.value, "delivered_at": None if parked else now}
    if detail is not None:
        values["detail"] = detail
    connection.execute(_set, {"turn": turn_id, **values})
    return more


def parked(connection: Connection, *, limit: int) -> list[Turn]:
    """Turns that an operator may try again, newest first."""
    rows = connection.execute(
        select(turns)
        .where(turns.c.status == TurnStatus.PARKED.value, unfinished())
        .order_by(turns.c.opened_at.desc())
        .limit(limit)
    )
    return [_turn(row) for row in rows]


def get(connection: Connection, turn_id: str) -> Turn | None:
    """The turn with this id."""
    row = connection.execute(_turn_by_id, {"turn": turn_id}).one_or_none()
    return None if row is None else _turn(row)


def of_message(connection: Connection, message_key: str) -> Turn | None:
    """The turn that answered a message, if there is one yet."""
    turn_id = inbox.turn_of(connection, message_key)
    return None if turn_id is None else get(connection, turn_id)


def last_answered(connection: Connection, thread_key: str) -> str | None:
    """The last turn of a thread that ended in an answer of the model's."""
    query = (
        select(turns.c.id)
        .where(turns.c.thread_key == thread_key, turns.c.outcome.in_(ANSWERS))
        .order_by(turns.c.opened_at.desc())
        .limit(1)
    )
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def retry(connection: Connection, turn_id: str, *, now: datetime) -> bool:
    """Let a parked turn's messages wait again, for a new turn, as if they had not been asked; false if
    it is not parked."""
    row = connection.execute(
        update(turns)
        .where(turns.c.id == turn_id, turns.c.status == TurnStatus.PARKED.value)
        .values(status=TurnStatus.DELIVERED.value)
        .returning(turns.c.thread_key)
    ).one_or_none()
    if row is None:
        return False
    inbox.reopen(connection, turn_id)
    history.forget(connection, row.thread_key, turn_id)
    threads.wake(connection, row.thread_key, now=now, revise=False)
    notify(connection)
    return True


def deliver_again(connection: Connection, turn_id: str, *, now: datetime) -> bool:
    """Show what a parked turn has to say after all; what was shown already is found by its mark. False
    if it is not parked, or its thread is busy with something else."""
    turn = get(connection, turn_id)
    if turn is None or turn.status is not TurnStatus.PARKED or turn.answer is None:
        return False
    if not threads.resume(connection, turn.thread_key, turn_id, now=now):
        return False
    connection.execute(
        _set, {"turn": turn_id, "status": TurnStatus.ANSWERED.value, "deliveries": 0}
    )
    notify(connection)
    return True


def _is_open(connection: Connection, turn_id: str) -> bool:
    turn = get(connection, turn_id)
    return turn is not None and turn.status is TurnStatus.OPEN


def unfinished() -> Any:
    """The condition of the index on unfinished turns, spelt out so that SQLite recognises it."""
    return turns.c.status != literal(TurnStatus.DELIVERED.value, literal_execute=True)


def _answer(connection: Connection, turn_id: str, answered: Answered, *, now: datetime) -> bool:
    """Write the answer into an open turn; false if it is answered already."""
    changed = connection.execute(
        _set_open,
        {
            "turn": turn_id,
            "status_before": TurnStatus.OPEN.value,
            "status": TurnStatus.ANSWERED.value,
            "outcome": answered.outcome.value,
            "model": answered.model,
            "answer": answered.answer,
            "footer": answered.footer,
            "detail": answered.detail,
            "first_text_at": answered.first_text_at,
            "answered_at": now,
            "files": json.dumps([asdict(file) for file in answered.files]),
            "card": None if answered.card is None else _card.dump_json(answered.card).decode(),
            "fallback": None if answered.fallback is None else answered.fallback.value,
        },
    )
    return changed.rowcount == 1


def _thread_values(work: Work, answered: Answered) -> dict[str, Any]:
    asking = [each.message.author.id for each in work.messages if not each.message.announcement]
    heard = dict.fromkeys([*answered.heard, *work.held.speakers, *asking])
    values: dict[str, Any] = {"speakers": json.dumps(list(heard))}
    if answered.answer is not None or answered.history:
        values["bot_spoke"] = True
    if answered.window is not None:
        values["window_start"] = answered.window.start
        values["summary"] = answered.window.summary
        values["context_tokens"] = 0  # that of the window before it was trimmed
    if answered.context_tokens is not None:
        values["context_tokens"] = answered.context_tokens
    return values


def outcome_of(stored: str | None) -> TurnOutcome | None:
    """What the column `outcome` says; None while the turn has none."""
    return None if stored is None else TurnOutcome(stored)


def _turn(row: Any) -> Turn:
    return Turn(
        id=row.id,
        thread_key=row.thread_key,
        status=TurnStatus(row.status),
        outcome=outcome_of(row.outcome),
        model=row.model,
        opened_at=row.opened_at,
        answer=row.answer,
        footer=row.footer,
        reply_ids=tuple(json.loads(row.reply_ids)),
        deliveries=row.deliveries,
        detail=row.detail,
        files=tuple(StoredFile(**file) for file in json.loads(row.files)),
        file_ids=tuple(json.loads(row.file_ids)),
        card=None if row.card is None else _card.validate_json(row.card),
    )
