"""Budgets and admission: nothing is promised beyond a limit, and a refusal leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select, update

from bot.engine.accounts import ChannelLimited, LedgerBooks
from bot.money.budget_rules import BudgetRules
from bot.vocabulary import Closing, EntryStatus, SystemClock, Usage
from config.sections import LimitsSettings
from storage import budgets, ledger, usage_sums
from storage.admission import Slot, admit
from storage.budgets import BudgetClaim, BudgetState
from storage.database import Database
from storage.errors import BudgetExceeded, Unpriced
from storage.tables import RateSlotRow
from storage.upsert import table
from tests.storage_kit import CHANNEL, T0, at, request

ENDS_AT = at(86_400)
TURNS = 20
ROOM = 7


def _claim(key: str = "global", limit_nanousd: int = 1_000) -> BudgetClaim:
    return BudgetClaim(key, limit_nanousd, ENDS_AT)


def _slot(turn_id: str, *, messages: int = TURNS, keep: bool = True) -> Slot:
    return Slot(turn_id, CHANNEL.key, messages=messages, per_s=60.0, keep=keep)


async def _hold(database: Database, amount_nanousd: int, *claims: BudgetClaim) -> None:
    await database.write(budgets.hold, claims or (_claim(),), amount_nanousd)


async def _settle(database: Database, *, held: int, spent: int, key: str = "global") -> None:
    await database.write(budgets.settle, [key], held_nanousd=held, spent_nanousd=spent)


async def _counted(database: Database, key: str = "global") -> tuple[int, int] | None:
    """What is spent and what is held."""
    state = await database.read(budgets.state, key)
    return None if state is None else (state.spent_nanousd, state.held_nanousd)


async def _requests(database: Database) -> int:
    return (await database.read(usage_sums.total, since=None, until=None)).requests


async def _admit(
    database: Database,
    entry_id: str,
    *claims: BudgetClaim,
    slot: Slot | None = None,
    worst_case_nanousd: int | None = 100,
    now: datetime = T0,
) -> datetime | None:
    return await database.write(
        admit,
        entry_id,
        request(turn_id=entry_id, worst_case_nanousd=worst_case_nanousd),
        slot=slot or _slot(entry_id),
        claims=claims,
        now=now,
    )


@pytest.fixture
async def other_replica(ready_url: str) -> AsyncIterator[Database]:
    """Another user of the same database."""
    other = Database(ready_url, clock=SystemClock())
    yield other
    await other.close()


async def test_a_budget_can_be_held_to_its_last_nanodollar(database: Database) -> None:
    """Exactly the limit fits; one more does not, and the refusal says which budget and until when."""
    await _hold(database, 400)
    await _settle(database, held=400, spent=400)
    await _hold(database, 600)
    with pytest.raises(BudgetExceeded, match=r"global .* held for requests under way") as refused:
        await _hold(database, 1)
    assert refused.value.held
    assert await database.read(budgets.state, "global") == BudgetState(
        "global", spent_nanousd=400, held_nanousd=600, raised_nanousd=0, ends_at=ENDS_AT
    )
    await _settle(database, held=600, spent=600)
    with pytest.raises(BudgetExceeded, match=r"global .*2026-11-24T09:00:00\+00:00") as refused:
        await _hold(database, 1)
    assert (refused.value.budget, refused.value.resets_at) == ("global", ENDS_AT)
    assert not refused.value.held


async def test_waiting_is_worth_it_only_if_it_is_for_all_budgets(database: Database) -> None:
    """Beside a budget whose room is merely held, one that is used up is what is refused for; and what is
    more than a budget's whole limit is not waited for."""
    await _hold(database, 900, _claim("a"), _claim("b"))
    await _settle(database, held=900, spent=900, key="b")
    for claims in ((_claim("a"), _claim("b")), (_claim("b"), _claim("a"))):
        with pytest.raises(BudgetExceeded) as refused:
            await _hold(database, 200, *claims)
        assert (refused.value.budget, refused.value.held) == ("b", False)
    with pytest.raises(BudgetExceeded) as refused:
        await _hold(database, 100, _claim("a", 950), _claim("b"))
    assert (refused.value.budget, refused.value.held) == ("a", True)
    with pytest.raises(BudgetExceeded) as refused:
        await _hold(database, 1_001, _claim("a"))
    assert not refused.value.held


async def test_what_was_not_used_is_free_again(database: Database) -> None:
    """A settled request counts what it cost, which can also be more than it held."""
    await _hold(database, 1_000)
    await _settle(database, held=1_000, spent=300)
    await _hold(database, 700)
    await _settle(database, held=700, spent=900)
    assert await _counted(database) == (1_200, 0)
    with pytest.raises(BudgetExceeded):
        await _hold(database, 0)


async def test_a_raised_budget_has_that_much_more_room(database: Database) -> None:
    """What an operator adds counts for this period's counter."""

    def raise_it(connection: Connection) -> None:
        connection.execute(update(budgets.budgets).values(raised_nanousd=500))

    await _hold(database, 1_000)
    await database.write(raise_it)
    await _hold(database, 500)
    with pytest.raises(BudgetExceeded):
        await _hold(database, 1)


async def test_a_request_is_held_in_all_its_budgets_or_in_none(database: Database) -> None:
    """The roomy ones are as they were when one refuses, and it does not come into being."""
    await _hold(database, 100, _claim("a"))
    with pytest.raises(BudgetExceeded) as refused:
        await _hold(database, 500, _claim("a"), _claim("b", 499), _claim("c"))
    assert refused.value.budget == "b"
    assert [await _counted(database, key) for key in "abc"] == [(0, 100), None, None]
    await _hold(database, 499, _claim("a"), _claim("b", 499), _claim("c"))
    assert [await _counted(database, key) for key in "abc"] == [(0, 599), (0, 499), (0, 499)]


async def test_budgets_with_one_counter_hold_once_under_the_tightest(database: Database) -> None:
    """Two rules about the same subject and period are one counter."""
    await _hold(database, 300, _claim(limit_nanousd=500), _claim(limit_nanousd=900))
    assert await _counted(database) == (0, 300)
    with pytest.raises(BudgetExceeded):
        await _hold(database, 300, _claim(limit_nanousd=900), _claim(limit_nanousd=500))


async def test_a_turn_over_budget_takes_no_place(database: Database) -> None:
    """The channel's only place stays free, for a turn that can be paid."""
    with pytest.raises(BudgetExceeded):
        await _admit(database, "dear", _claim(limit_nanousd=99), slot=_slot("dear", messages=1))
    with pytest.raises(Unpriced):
        await _admit(
            database,
            "unpriced",
            _claim(),
            slot=_slot("unpriced", messages=1),
            worst_case_nanousd=None,
        )
    assert await _requests(database) == 0
    assert await _admit(database, "paid", _claim(), slot=_slot("paid", messages=1)) is None
    assert (await _requests(database), await _counted(database)) == (1, (0, 100))


async def test_a_turn_without_a_place_holds_no_money(database: Database) -> None:
    """It is told when to come back, and has a place then, before whoever asks after it."""
    assert await _admit(database, "t1", _claim(), slot=_slot("t1", messages=1)) is None
    until = await _admit(database, "t2", _claim(), slot=_slot("t2", messages=1))
    assert until is not None
    assert until > at(60)
    assert (await _requests(database), await _counted(database)) == (1, (0, 100))
    later = await _admit(database, "t3", _claim(), slot=_slot("t3", messages=1), now=until)
    assert later is not None
    assert await _admit(database, "t2", _claim(), slot=_slot("t2", messages=1), now=until) is None
    assert (await _requests(database), await _counted(database)) == (2, (0, 200))


async def test_a_turn_that_will_not_come_back_keeps_no_place(database: Database) -> None:
    """Where questions above the limit are rejected, the next window is free for others."""
    assert await _admit(database, "t1", slot=_slot("t1", messages=1)) is None
    until = await _admit(database, "t2", slot=_slot("t2", messages=1, keep=False))
    assert until is not None
    assert await _admit(database, "t3", slot=_slot("t3", messages=1), now=until) is None


async def test_an_admission_that_comes_twice_counts_once(database: Database) -> None:
    """After a lost acknowledgement it is safe to ask again: one place, one entry, one hold."""
    for _ in range(2):
        assert await _admit(database, "t1", _claim(), slot=_slot("t1", messages=2)) is None
    assert (await _requests(database), await _counted(database)) == (1, (0, 100))
    assert await _admit(database, "t2", _claim(), slot=_slot("t2", messages=2)) is None


async def test_turns_at_once_cannot_overshoot_a_budget(
    database: Database, other_replica: Database
) -> None:
    """Twenty on two replicas, their budgets named in any order: just as many go as there is room for."""
    claims = [_claim("global", ROOM * 100 + 99), _claim("channel", TURNS * 100)]

    async def ask(number: int) -> bool:
        replica = other_replica if number % 2 else database
        in_order = claims if number % 3 else claims[::-1]
        try:
            return await _admit(replica, f"t{number:02}", *in_order) is None
        except BudgetExceeded:
            return False

    admitted = await asyncio.gather(*(ask(number) for number in range(TURNS)))
    assert admitted.count(True) == ROOM
    assert await _requests(database) == ROOM
    assert await _counted(database, "global") == (0, ROOM * 100)
    assert await _counted(database, "channel") == (0, ROOM * 100)
    await _close_all(database, [f"t{n:02}" for n, went in enumerate(admitted) if went])
    assert await _counted(database, "global") == (ROOM * 40, 0)


async def _close_all(database: Database, entry_ids: list[str]) -> None:
    """Close the entries, all at once, at less than half of what each holds."""
    closings = [Closing(name, Usage(), EntryStatus.COMPLETED, 40) for name in entry_ids]
    await asyncio.gather(*(database.write(ledger.close, each, now=T0) for each in closings))


async def test_turns_at_once_cannot_overshoot_the_rate_limit(
    database: Database, other_replica: Database
) -> None:
    """Of twenty on two replicas those with a place are paid for, and nobody else is."""

    async def ask(number: int) -> datetime | None:
        replica = other_replica if number % 2 else database
        turn_id = f"t{number:02}"
        return await _admit(
            replica, turn_id, _claim(limit_nanousd=10**6), slot=_slot(turn_id, messages=ROOM)
        )

    until = await asyncio.gather(*(ask(number) for number in range(TURNS)))
    assert until.count(None) == ROOM
    assert await _requests(database) == ROOM
    assert await _counted(database) == (0, ROOM * 100)


async def test_twenty_requests_are_settled_while_others_are_admitted(database: Database) -> None:
    """Opening and closing at once neither lose a count nor wait for each other for ever."""
    claims = (_claim("a", TURNS * 100), _claim("b", TURNS * 100))

    async def whole(number: int) -> None:
        await _admit(database, f"t{number:02}", *(claims[::-1] if number % 2 else claims))
        await _close_all(database, [f"t{number:02}"])

    async with asyncio.timeout(10):
        await asyncio.gather(*(whole(number) for number in range(TURNS)))
    assert [await _counted(database, key) for key in "ab"] == [(TURNS * 40, 0)] * 2


class HaltingClock(SystemClock):
    """Each look at it finds a second gone: so much the database keeps everybody waiting."""

    def __init__(self) -> None:
        self._looks = 0

    def monotonic(self) -> float:
        """A second later than before."""
        self._looks += 1
        return float(self._looks)


async def test_a_request_that_left_late_counts_from_then(ready_url: str) -> None:
    """Its place was granted before the database had it written: the window begins when it left, which
    is written down at the next heartbeat."""
    database = Database(ready_url, clock=HaltingClock())
    settings = LimitsSettings(channel_messages=1, channel_per_s=60.0)
    books = LedgerBooks(database=database, rules=BudgetRules((), zone=ZoneInfo("UTC")))
    turn = books.for_turn("turn1", channel_key=CHANNEL.key, limits=settings)
    await turn.open(request())
    granted = await _starts_at(database, "turn1")
    await books.save_starts()
    assert await _starts_at(database, "turn1") > granted
    await books.save_starts()
    await database.close()


class MovedClock(SystemClock):
    """Runs on, and can be moved ahead."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        """The time, as far ahead as it was moved."""
        return super().monotonic() + self.ahead_s


async def test_a_request_that_arrived_late_counts_from_then(ready_url: str) -> None:
    """The provider takes up a request some time after its place was granted: the next turn that asks for
    a place is kept away from there, not from the grant."""
    clock = MovedClock()
    database = Database(ready_url, clock=clock)
    settings = LimitsSettings(channel_messages=1, channel_per_s=60.0)
    books = LedgerBooks(database=database, rules=BudgetRules((), zone=ZoneInfo("UTC")))
    first = books.for_turn("turn1", channel_key=CHANNEL.key, limits=settings)
    entry_id = await first.open(request())
    clock.ahead_s = 5.0
    arrived = database.now()
    first.progress(entry_id, Usage(input_tokens=9))
    second = books.for_turn("turn2", channel_key=CHANNEL.key, limits=settings)
    with pytest.raises(ChannelLimited) as limited:
        await second.open(request())
    assert limited.value.until >= arrived + timedelta(seconds=60)
    assert await _starts_at(database, "turn1") >= arrived
    await database.close()


async def _starts_at(database: Database, turn_id: str) -> datetime:
    slots = table(RateSlotRow)
    query = select(slots.c.starts_at).where(slots.c.turn_id == turn_id)
    return await database.read(lambda connection: connection.execute(query).scalar_one())
