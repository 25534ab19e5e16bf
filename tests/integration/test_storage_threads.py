"""The lock on a thread: one claimer, leases that end, fences that hold, no message left waiting."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, text

from bot.vocabulary import TurnOutcome
from storage import inbox, threads, turns
from storage.database import Database
from storage.errors import LeaseLost, Revised
from storage.threads import Fence, HeldThread
from storage.turns import Answered
from tests.storage_kit import (
    CHANNEL,
    LEASE_S,
    T0,
    answer,
    at,
    end,
    put,
    said,
    take,
    take_one,
    thread,
)
from tests.support import wait_until

DEADLINE_S = 20.0


async def _claim(
    database: Database, owner: str, *, now_s: float = 0.0, limit: int = 10
) -> list[HeldThread]:
    rows = await database.write(
        threads.claim,
        owner=owner,
        now=at(now_s),
        lease_s=LEASE_S,
        limit=limit,
        platforms=[CHANNEL.platform],
    )
    return [threads.held(row) for row in rows]


def _guard(connection: Connection, fence: Fence) -> None:
    threads.guard(connection, fence)


async def test_a_thread_has_exactly_one_claimer(database: Database) -> None:
    """Twenty claimers at once on fifty threads: each thread goes to one, and all of them go."""
    for number in range(50):
        await put(database, said(where=thread(f"t{number}")))
    won: Counter[str] = Counter()

    async def claimer(owner: str) -> None:
        while held := await _claim(database, owner, limit=3):
            won.update(each.fence.thread_key for each in held)

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(claimer(f"r{number}") for number in range(20)))
    assert len(won) == 50
    assert set(won.values()) == {1}


async def test_a_claim_takes_at_most_its_limit(database: Database) -> None:
    """Whoever has room for two threads gets two, those that have waited longest."""
    for number in range(6):
        await put(database, said(where=thread(f"t{number}")), now=at(number))
    held = await _claim(database, "r1", now_s=60, limit=2)
    assert {each.thread.id for each in held} == {"t0", "t1"}


async def test_a_lease_that_is_kept_is_not_taken_over(database: Database) -> None:
    """Heartbeats move the lease on; without one it ends, and somebody else may claim."""
    await put(database, said())
    (held,) = await _claim(database, "r1")
    for beat in (5, 10, 15, 20):
        assert await _claim(database, "r2", now_s=beat) == []
        kept = await database.write(
            threads.keep, owner="r1", held=[held.fence], now=at(beat), lease_s=LEASE_S
        )
        assert list(kept) == [held.fence.thread_key]
    assert await _claim(database, "r2", now_s=20 + LEASE_S - 0.001) == []
    (taken,) = await _claim(database, "r2", now_s=20 + LEASE_S)
    assert taken.fence.epoch == held.fence.epoch + 1
    assert taken.attempts == 2


async def test_who_lost_a_lease_is_told_and_can_write_nothing(database: Database) -> None:
    """The heartbeat leaves the thread out, and every guarded write is refused."""
    await put(database, said())
    work = await take_one(database)
    await _claim(database, "r2", now_s=LEASE_S)
    fence = work.held.fence
    now = at(LEASE_S + 1)
    kept = await database.write(threads.keep, owner="r1", held=[fence], now=now, lease_s=LEASE_S)
    assert kept == {}
    with pytest.raises(LeaseLost):
        await database.read(threads.look, fence)
    with pytest.raises(LeaseLost):
        await answer(database, work, now=now)
    with pytest.raises(LeaseLost):
        await database.write(turns.save_reply, work, ["m1"], now=now)
    with pytest.raises(LeaseLost):
        await database.write(turns.end, fence, work.turn.id, parked=False, detail=None, now=now)
    with pytest.raises(LeaseLost):
        await database.write(turns.undelivered, fence, work.turn.id, until=at(99), now=now)
    turn = await database.read(turns.get, work.turn.id)
    assert turn is not None
    assert (turn.answer, turn.reply_ids, turn.deliveries) == (None, (), 0)


async def test_a_holder_that_claims_again_fences_off_its_former_self(database: Database) -> None:
    """The same replica, back after a freeze: the epoch tells its two lives apart."""
    await put(database, said())
    (before,) = await _claim(database, "r1")
    (after,) = await _claim(database, "r1", now_s=LEASE_S)
    with pytest.raises(LeaseLost):
        await database.write(_guard, before.fence)
    await database.write(_guard, after.fence)
    both = [before.fence, after.fence]
    kept = await database.write(threads.keep, owner="r1", held=both, now=at(16), lease_s=LEASE_S)
    assert list(kept) == [after.fence.thread_key]


async def test_keeping_nothing_asks_nothing(database: Database) -> None:
    """An idle replica's heartbeat is no statement at all."""
    assert await database.write(threads.keep, owner="r1", held=[], now=T0, lease_s=LEASE_S) == {}


async def test_many_leases_are_kept_at_once(database: Database) -> None:
    """A full replica renews a thousand leases with one heartbeat."""

    def make(connection: Connection) -> None:
        for number in range(1_000):
            inbox.put(connection, said(where=thread(f"t{number}")), now=T0)

    await database.write(make)
    held = [each.fence for each in await _claim(database, "r1", limit=1_000)]
    kept = await database.write(threads.keep, owner="r1", held=held, now=at(5), lease_s=LEASE_S)
    assert set(kept) == {fence.thread_key for fence in held}
    assert await _claim(database, "r2", now_s=LEASE_S) == []


async def test_a_change_of_the_question_is_noticed_by_its_holder(database: Database) -> None:
    """An edit raises the revision: look and heartbeat tell it, and a commit of the old is refused."""
    await put(database, said("how tall?", id="q"))
    work = await take_one(database)
    key = await database.write(inbox.revise, CHANNEL, "q", text="how deep?", attachments=(), now=T0)
    assert key == work.held.fence.thread_key
    with pytest.raises(Revised):
        await answer(database, work)
    signal, waiting = await database.read(turns.reload, work.held.fence)
    assert signal.revision == work.held.revision + 1
    assert [each.message.text for each in waiting] == ["how deep?"]
    kept = await database.write(
        threads.keep, owner="r1", held=[work.held.fence], now=T0, lease_s=LEASE_S
    )
    assert kept[key] == signal


async def test_a_stop_reaches_a_running_turn(database: Database) -> None:
    """The holder sees that it was asked for, and it is forgotten when the turn ends."""
    await put(database, said())
    work = await take_one(database)
    assert await database.write(threads.request_stop, work.held.fence.thread_key, now=T0)
    signal = await database.read(threads.look, work.held.fence)
    assert signal.stop_requested
    await database.write(
        turns.commit, work, Answered(TurnOutcome.STOPPED, "so f"), revision=None, now=T0
    )
    await end(database, work)
    await put(database, said("next"))
    assert not (await take_one(database)).held.stop_requested


async def test_a_stop_without_a_turn_changes_nothing(database: Database) -> None:
    """There is nothing to end: before the first turn, and for a thread nobody knows."""
    await put(database, said())
    assert not await database.write(threads.request_stop, thread().key, now=T0)
    assert not await database.write(threads.request_stop, "slack:T1:C1:none", now=T0)


async def test_a_stop_wakes_a_deferred_turn(database: Database) -> None:
    """A turn that waits for its rate limit is claimable at once when it is to be stopped."""
    await put(database, said())
    work = await take_one(database)
    await database.write(threads.let_go, work.held.fence, now=T0, turn_ended=False, until=at(600))
    assert await take(database, now=at(1)) == []
    assert await database.write(threads.request_stop, thread().key, now=at(1))
    again = await take_one(database, now=at(1))
    assert again.resumed
    assert again.held.stop_requested
    assert again.turn.id == work.turn.id


async def test_a_deferred_turn_comes_back_when_it_is_due(database: Database) -> None:
    """Neither before its time nor because another message arrives."""
    await put(database, said("one"))
    work = await take_one(database)
    gone_on = await database.write(
        threads.let_go, work.held.fence, now=T0, turn_ended=False, until=at(60)
    )
    assert not gone_on
    await put(database, said("two"), now=at(1))
    assert await take(database, now=at(59.999)) == []
    back = await take_one(database, now=at(60))
    assert [each.message.text for each in back.messages] == ["one", "two"]


async def test_a_turn_handed_over_goes_on_at_once(database: Database) -> None:
    """At shutdown the thread is let go without an end; the next replica resumes the same turn."""
    await put(database, said())
    work = await take_one(database)
    assert await database.write(threads.let_go, work.held.fence, now=T0, turn_ended=False)
    again = await take_one(database, owner="r2")
    assert again.resumed
    assert again.turn.id == work.turn.id


async def test_ending_with_nothing_waiting_leaves_the_thread_idle(database: Database) -> None:
    """An answered thread is not claimed again until somebody says something."""
    await put(database, said())
    assert not await answer(database, await take_one(database))
    assert await take(database, now=at(1_000)) == []
    await put(database, said("again"))
    assert (await take_one(database)).messages[0].message.text == "again"


async def test_a_message_during_a_turn_is_the_next_turns(database: Database) -> None:
    """The end says that more waits, and the next claim finds exactly that."""
    await put(database, said("first"))
    work = await take_one(database)
    await put(database, said("second"))
    assert await answer(database, work)
    following = await take_one(database)
    assert [each.message.text for each in following.messages] == ["second"]
    assert not following.resumed
    assert following.held.attempts == 1


async def test_a_lone_start_frees_what_its_predecessor_held(database: Database) -> None:
    """After a crash of the only process nobody waits for a lease to end."""
    await put(database, said(where=thread("held")))
    await put(database, said(where=thread("idle")))
    await answer(database, await _only(database, "idle"))
    await take(database)
    assert await database.write(threads.free_all, now=at(1)) == 1
    (work,) = await take(database, owner="r2", now=at(1))
    assert work.held.thread.id == "held"


async def _only(database: Database, name: str) -> Any:
    works = await take(database)
    for work in works:
        if work.held.thread.id != name:
            await database.write(threads.let_go, work.held.fence, now=T0, turn_ended=False)
    return next(work for work in works if work.held.thread.id == name)


async def test_no_message_is_left_behind_by_an_ending_turn(database: Database) -> None:
    """Messages arrive in a storm while turns end: every one of them is answered in the end."""
    total, answered = 120, set[str]()

    async def worker(owner: str) -> None:
        while len(answered) < total:
            for work in await take(database, owner=owner, limit=2):
                await answer(database, work)
                answered.update(each.message.id for each in work.messages)
            await asyncio.sleep(0)

    async def speaker(name: str) -> None:
        for number in range(total // 4):
            await put(database, said(id=f"{name}-{number}", where=thread(name)))

    async with asyncio.timeout(DEADLINE_S):
        workers = (worker(f"r{number}") for number in range(3))
        await asyncio.gather(*workers, *(speaker(name) for name in "abcd"))
    assert len(answered) == total


def _put_then_wait_for_the_gate(connection: Connection) -> None:
    inbox.put(connection, said("just in time", id="late"), now=T0)
    connection.execute(text("SELECT pg_advisory_lock_shared(1)"))
    connection.execute(text("SELECT pg_advisory_unlock_shared(1)"))


@pytest.fixture
async def gate(ready_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that holds a lock for which a transaction can be made to wait."""
    connection = await asyncpg.connect(ready_url)
    await connection.execute("SELECT pg_advisory_lock(1)")
    yield connection
    await connection.close()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_a_message_that_commits_while_a_turn_ends_is_not_lost(
    database: Database, gate: asyncpg.Connection
) -> None:
    """The end asks what waits only after it holds the thread, so it sees a message being put."""
    await put(database, said("first"))
    work = await take_one(database)
    await database.write(
        turns.commit, work, Answered(TurnOutcome.ANSWERED, "hi"), revision=None, now=T0
    )
    putting = asyncio.create_task(database.write(_put_then_wait_for_the_gate))
    await _blocked(gate, 1)
    ending = asyncio.create_task(end(database, work))
    await _blocked(gate, 2)
    await gate.execute("SELECT pg_advisory_unlock(1)")
    await putting
    assert await ending, "the end must have seen the message"
    assert (await take_one(database)).messages[0].message.id == "late"


async def _blocked(connection: asyncpg.Connection, transactions: int) -> None:
    """Return when so many transactions wait for a lock."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    async def blocked() -> bool:
        return bool(await connection.fetchval(query) == transactions)

    condition: Callable[[], bool | Awaitable[bool]] = blocked
    await wait_until(condition, what=f"{transactions} transactions to wait for a lock")


async def test_recent_threads_are_told_newest_first(database: Database) -> None:
    """Where to look for what was missed: this platform's, since then, at most so many."""
    for number in range(5):
        await put(database, said(id=f"m-{number}", where=thread(f"t{number}"), after_s=number * 10))
    found = await database.read(threads.recent, "slack", since=at(10), limit=3)
    assert [(where.id, last, when) for where, last, when in found] == [
        ("t4", "m-4", at(40)),
        ("t3", "m-3", at(30)),
        ("t2", "m-2", at(20)),
    ]
    assert await database.read(threads.recent, "discord", since=at(0), limit=3) == []


async def test_a_fence_names_its_thread(database: Database) -> None:
    """A fence made up by hand opens nothing."""
    await put(database, said())
    with pytest.raises(LeaseLost, match="held by another"):
        await database.write(_guard, Fence(thread().key, "nobody", 7))
