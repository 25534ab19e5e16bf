"""A turn's way through storage: begun, resumed, committed once, ended, tried again."""

from datetime import datetime

import pytest

from bot.vocabulary import Closing, EntryStatus, TurnOutcome, Usage
from storage import answers, history, inbox, ledger, rate_limits, turns, usage_sums
from storage.answers import KnownAnswer
from storage.database import Database
from storage.errors import LeaseLost, Revised
from storage.history import NewSaid
from storage.turns import Answered, TurnStatus, Window
from tests.storage_kit import (
    CHANNEL,
    LEASE_S,
    T0,
    answer,
    at,
    end,
    known_price,
    put,
    request,
    said,
    take,
    take_one,
    thread,
)

QUESTION = NewSaid("user", ({"type": "text", "text": "why?"},), 3)
REPLY = NewSaid("assistant", ({"type": "text", "text": "because … ✓"},), 5)
WHOLE = Answered(
    outcome=TurnOutcome.ANSWERED,
    answer="because … ✓",
    history=(QUESTION, REPLY),
    model="claude-sonnet-5-5",
    footer="claude-sonnet-5-5 · 8 tokens",
    first_text_at=at(1),
    entry=Closing("e1", Usage(input_tokens=3, output_tokens=5), EntryStatus.COMPLETED, 56, "req_1"),
    remembered=KnownAnswer("key", "question", "claude-sonnet-5-5", "because … ✓", T0),
    window=Window(start=1, summary="they asked"),
    context_tokens=8,
)


async def test_a_commit_writes_everything_at_once(database: Database) -> None:
    """Answer, history, ledger, answer cache and the thread's window are all there afterwards."""
    await put(database, said(by="U5"))
    work = await take_one(database)
    await database.write(ledger.open_entry, "e1", request(turn_id=work.turn.id), claims=(), now=T0)
    await database.write(turns.commit, work, WHOLE, revision=work.held.revision, now=at(2))
    turn = await database.read(turns.get, work.turn.id)
    assert turn is not None
    assert turn.status is TurnStatus.ANSWERED
    assert (turn.outcome, turn.answer, turn.footer) == ("answered", WHOLE.answer, WHOLE.footer)
    told = await database.read(history.window, thread().key, start=0)
    assert [(each.role, each.content, each.tokens) for each in told] == [
        ("user", QUESTION.content, 3),
        ("assistant", REPLY.content, 5),
    ]
    total = await database.read(usage_sums.total, since=None, until=None)
    assert (total.cost_nanousd, total.usage.output_tokens) == (56, 5)
    assert await database.read(answers.same_request, "key", since=T0) == WHOLE.remembered
    await end(database, work, now=at(3))
    await put(database, said(by="U6"))
    held = (await take_one(database)).held
    assert (held.window_start, held.summary, held.context_tokens) == (1, "they asked", 8)
    assert held.speakers == ("U5",)
    assert held.has_come


async def test_a_refused_commit_writes_nothing(database: Database) -> None:
    """After an edit, and after a take-over: no answer, no history, the entry still open."""
    await put(database, said(id="q"))
    work = await take_one(database)
    await database.write(ledger.open_entry, "e1", request(turn_id=work.turn.id), claims=(), now=T0)
    await database.write(inbox.revise, CHANNEL, "q", text="other", attachments=(), now=T0)
    with pytest.raises(Revised):
        await database.write(turns.commit, work, WHOLE, revision=work.held.revision, now=T0)
    await take(database, owner="r2", now=at(LEASE_S))
    with pytest.raises(LeaseLost):
        await database.write(turns.commit, work, WHOLE, revision=None, now=at(LEASE_S))
    assert await database.read(history.window, thread().key, start=0) == ()
    assert await database.read(answers.same_request, "key", since=T0) is None
    turn = await database.read(turns.get, work.turn.id)
    assert turn is not None
    assert turn.status is TurnStatus.OPEN


async def test_a_commit_that_comes_twice_counts_once(database: Database) -> None:
    """After a lost acknowledgement it is safe to commit again, whatever happened meanwhile."""
    await put(database, said(id="q"))
    work = await take_one(database)
    await database.write(ledger.open_entry, "e1", request(turn_id=work.turn.id), claims=(), now=T0)
    await database.write(turns.commit, work, WHOLE, revision=work.held.revision, now=at(2))
    await database.write(turns.commit, work, WHOLE, revision=work.held.revision, now=at(3))
    await put(database, said("and?", id="q2"))
    await database.write(inbox.revise, CHANNEL, "q2", text="and now?", attachments=(), now=T0)
    await database.write(turns.commit, work, WHOLE, revision=work.held.revision, now=at(4))
    assert len(await database.read(history.window, thread().key, start=0)) == 2
    total = await database.read(usage_sums.total, since=None, until=None)
    assert (total.requests, total.cost_nanousd) == (1, 56)
    assert await end(database, work), "the message that came meanwhile still waits"


async def test_a_turn_is_resumed_by_whoever_claims_it_next(database: Database) -> None:
    """The successor finds the same turn, what is shown of it, and what arrived meanwhile."""
    await put(database, said("one"))
    work = await take_one(database)
    await database.write(turns.save_reply, work, ["p1", "p2"], now=T0)
    await put(database, said("two"))
    again = await take_one(database, owner="r2", now=at(LEASE_S))
    assert again.resumed
    assert again.turn.id == work.turn.id
    assert again.turn.reply_ids == ("p1", "p2")
    assert again.held.attempts == 2
    assert [each.message.text for each in again.messages] == ["one", "two"]


async def test_an_answer_that_was_not_shown_yet_is_found_again(database: Database) -> None:
    """A crash between commit and delivery: the successor has the committed answer to show."""
    await put(database, said())
    work = await take_one(database)
    answered = Answered(TurnOutcome.ANSWERED, "the whole truth", footer="3 tokens")
    await database.write(turns.commit, work, answered, revision=None, now=T0)
    again = await take_one(database, owner="r2", now=at(LEASE_S))
    assert again.turn.status is TurnStatus.ANSWERED
    assert (again.turn.answer, again.turn.footer) == ("the whole truth", "3 tokens")
    assert not await end(database, again, now=at(LEASE_S))
    turn = await database.read(turns.get, work.turn.id)
    assert turn is not None
    assert turn.status is TurnStatus.DELIVERED


async def test_a_dead_holders_requests_are_closed_when_its_turn_is_resumed(
    database: Database,
) -> None:
    """What it had reported counts; a request it never heard of again counts its expected input."""
    await put(database, said())
    work = await take_one(database)
    for name in ("heard", "silent"):
        await database.write(
            ledger.open_entry,
            name,
            request(turn_id=work.turn.id, expected_input_tokens=100),
            claims=(),
            now=T0,
        )
    await database.write(ledger.progress, [("heard", Usage(input_tokens=40, output_tokens=7))])
    await take_one(database, owner="r2", now=at(LEASE_S))
    total = await database.read(usage_sums.total, since=None, until=None)
    assert total.usage == Usage(input_tokens=140, output_tokens=7)
    assert total.cost_nanousd == known_price("", total.usage, T0)


async def test_a_failed_delivery_is_counted_and_tried_later(database: Database) -> None:
    """Not before its time, by the same turn, with the count of failures."""
    await put(database, said())
    work = await take_one(database)
    await database.write(
        turns.commit, work, Answered(TurnOutcome.ANSWERED, "x"), revision=None, now=T0
    )
    await database.write(turns.undelivered, work.held.fence, work.turn.id, until=at(30), now=T0)
    assert await take(database, now=at(29)) == []
    again = await take_one(database, now=at(30))
    assert (again.turn.id, again.turn.deliveries) == (work.turn.id, 1)


async def _park(database: Database, text: str, *, after_s: float = 0.0) -> str:
    await put(database, said(text, where=thread(text)), now=at(after_s))
    work = await take_one(database, now=at(after_s))
    await database.write(
        turns.commit,
        work,
        Answered(TurnOutcome.FAILED, "sorry", detail="overloaded"),
        revision=None,
        now=T0,
    )
    await database.write(
        turns.end, work.held.fence, work.turn.id, parked=True, detail="overloaded", now=T0
    )
    return work.turn.id


async def test_parked_turns_wait_for_the_operator(database: Database) -> None:
    """They are listed newest first, at most so many, and nobody claims them."""
    parked = [await _park(database, text, after_s=n) for n, text in enumerate(["a", "b", "c"])]
    listed = await database.read(turns.parked, limit=2)
    assert [turn.id for turn in listed] == [parked[2], parked[1]]
    assert {turn.detail for turn in listed} == {"overloaded"}
    assert await take(database, now=at(99)) == []


async def test_a_retry_lets_the_question_wait_again_once(database: Database) -> None:
    """The same messages make a new turn; a second retry, or one of a delivered turn, does nothing."""
    turn_id = await _park(database, "why?")
    assert await database.write(turns.retry, turn_id, now=at(5))
    assert not await database.write(turns.retry, turn_id, now=at(5))
    assert not await database.write(turns.retry, "unknown", now=at(5))
    work = await take_one(database, now=at(5))
    assert work.turn.id != turn_id
    assert [each.message.text for each in work.messages] == ["why?"]
    await answer(database, work)
    assert not await database.write(turns.retry, work.turn.id, now=at(5))
    assert await database.read(turns.parked, limit=9) == []


async def test_a_turns_messages_are_known_after_it(database: Database) -> None:
    """Which questions an answer was for, in their order."""
    await put(database, said("one"))
    await put(database, said("two"))
    work = await take_one(database)
    assert await database.read(inbox.of_turn, work.turn.id) == ()
    await answer(database, work)
    told = await database.read(inbox.of_turn, work.turn.id)
    assert [message.text for message in told] == ["one", "two"]


async def test_a_turn_that_ends_without_starting_gives_its_place_back(database: Database) -> None:
    """A place kept in the channel's rate limit is free for others when its turn is withdrawn."""
    await put(database, said(where=thread("first")))
    first = await take_one(database)
    assert await _start(database, first.turn.id, now=T0) is None
    await answer(database, first)
    await put(database, said(where=thread("second")))
    second = await take_one(database)
    kept = await _start(database, second.turn.id, now=T0)
    assert kept is not None
    await database.write(turns.undelivered, second.held.fence, second.turn.id, until=kept, now=T0)
    resumed = await take_one(database, now=kept)
    await database.write(
        turns.commit, resumed, Answered(TurnOutcome.WITHDRAWN, None), revision=None, now=kept
    )
    assert await _start(database, "third", now=kept) is None


async def _start(database: Database, turn_id: str, *, now: datetime) -> datetime | None:
    return await database.write(
        rate_limits.take,
        channel_key=CHANNEL.key,
        turn_id=turn_id,
        now=now,
        messages=1,
        per_s=60.0,
    )


async def test_what_the_history_window_leaves_out(database: Database) -> None:
    """Rows before the window's start are not sent, and another thread's never are."""
    for name in ("here", "there"):
        await put(database, said(where=thread(name)))
    for work in await take(database):
        for number in range(3):
            new = NewSaid("user", ({"type": "text", "text": f"{number}"},), number)
            await database.write(
                history.append, work.held.fence.thread_key, [new], turn_id=work.turn.id, now=T0
            )
    key = thread("here").key
    everything = await database.read(history.window, key, start=0)
    assert [each.tokens for each in everything] == [0, 1, 2]
    later = await database.read(history.window, key, start=everything[1].id)
    assert later == everything[1:]


async def test_attachments_are_kept_once(database: Database) -> None:
    """The same bytes have one hash and one row; what is not there is left out."""
    first = await database.write(history.keep_attachment, b"\x00png", "image/png", now=T0)
    second = await database.write(history.keep_attachment, b"\x00png", "image/png", now=at(5))
    assert first == second
    found = await database.write(history.attachments_of, [first, "0" * 64], now=at(6))
    assert found == {first: ("image/png", b"\x00png")}
    assert await database.write(history.attachments_of, [], now=at(6)) == {}
