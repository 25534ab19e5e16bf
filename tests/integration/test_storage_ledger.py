"""The ledger: every request counted once, at what it used, and sums that agree with one another."""

from datetime import datetime, timedelta, timezone

import pytest

from bot.vocabulary import BillableRequest, Closing, EntryStatus, Usage
from storage import budgets, ledger, turn_figures, usage_sums
from storage.budgets import BudgetClaim
from storage.database import Database
from storage.errors import Unpriced
from storage.usage_sums import UsageSum
from tests.storage_kit import (
    T0,
    answer,
    at,
    known_price,
    put,
    request,
    said,
    take_one,
    thread,
)

MONTH = BudgetClaim("global:month", 10_000, at(86_400))
USED = Usage(
    input_tokens=3,
    output_tokens=5,
    cache_read_tokens=7,
    cache_write_5m_tokens=11,
    cache_write_1h_tokens=13,
)


async def _open(
    database: Database,
    entry_id: str,
    asked: BillableRequest | None = None,
    *,
    claims: tuple[BudgetClaim, ...] = (),
    now: datetime = T0,
) -> None:
    await database.write(ledger.open_entry, entry_id, asked or request(), claims=claims, now=now)


async def _close(
    database: Database,
    entry_id: str,
    *,
    cost_nanousd: int | None = 100,
    usage: Usage = USED,
    status: EntryStatus = EntryStatus.COMPLETED,
) -> bool:
    closing = Closing(entry_id, usage, status, cost_nanousd, "req_1")
    return await database.write(ledger.close, closing, now=at(1))


async def _spent(
    database: Database,
    entry_id: str,
    asked: BillableRequest,
    cost_nanousd: int,
    *,
    now: datetime = T0,
) -> None:
    await _open(database, entry_id, asked, now=now)
    await _close(database, entry_id, cost_nanousd=cost_nanousd)


async def _total(database: Database) -> UsageSum:
    return await database.read(usage_sums.total, since=None, until=None)


async def test_a_request_counts_from_its_opening_and_costs_from_its_closing(
    database: Database,
) -> None:
    """Opened, it is one request that cost nothing yet; closed, it has every kind of its tokens."""
    await _open(database, "e1")
    assert await _total(database) == UsageSum(None, 1, Usage(), 0, 0)
    assert await _close(database, "e1", cost_nanousd=1234)
    assert await _total(database) == UsageSum(None, 1, USED, 1234, 0)


async def test_an_entry_that_is_opened_twice_holds_once(database: Database) -> None:
    """After a lost acknowledgement it is safe to open it again, even when it is closed by then."""
    for _ in range(2):
        await _open(database, "e1", request(worst_case_nanousd=900), claims=(MONTH,))
    state = await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert state.held_nanousd == 900
    await _close(database, "e1", cost_nanousd=100)
    await _open(database, "e1", request(worst_case_nanousd=900), claims=(MONTH,))
    state = await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert (state.spent_nanousd, state.held_nanousd) == (100, 0)
    assert (await _total(database)).requests == 1


async def test_an_entry_is_closed_once(database: Database) -> None:
    """Whoever closes it second is told so, and changes neither the sums nor the budget."""
    await _open(database, "e1", request(worst_case_nanousd=900), claims=(MONTH,))
    assert await _close(database, "e1", cost_nanousd=100)
    assert not await _close(database, "e1", cost_nanousd=700, usage=Usage(output_tokens=9))
    assert not await _close(database, "unknown")
    assert await _total(database) == UsageSum(None, 1, USED, 100, 0)
    state = await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert (state.spent_nanousd, state.held_nanousd) == (100, 0)


async def test_progress_is_seen_until_the_closing(database: Database) -> None:
    """What is known of a running request is in the sums; once it is closed, late news change nothing."""
    await _open(database, "e1")
    await _open(database, "e2")
    await database.write(
        ledger.progress, [("e1", Usage(output_tokens=2)), ("e2", Usage(output_tokens=4))]
    )
    assert (await _total(database)).usage == Usage(output_tokens=6)
    await _close(database, "e1")
    await database.write(ledger.progress, [("e1", Usage(output_tokens=99))])
    assert (await _total(database)).usage == USED + Usage(output_tokens=4)


async def test_what_the_provider_refused_is_no_request(database: Database) -> None:
    """It counts neither as a request nor as one whose cost is not known, and its hold is free again."""
    await _open(database, "e1", claims=(MONTH,))
    await _close(database, "e1", cost_nanousd=None, usage=Usage(), status=EntryStatus.UNBILLED)
    assert await _total(database) == UsageSum(None, 0, Usage(), 0, 0)
    state = await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert (state.spent_nanousd, state.held_nanousd) == (0, 0)


async def test_an_unknown_price_is_counted_as_unknown(database: Database) -> None:
    """Without a budget such a request may go; the sums say how many there are that cost who knows what."""
    unpriced = request(worst_case_nanousd=None)
    await _open(database, "e1", unpriced)
    assert (await _total(database)).unknown_cost_requests == 0
    await _close(database, "e1", cost_nanousd=None)
    await _spent(database, "e2", request(), 40)
    assert await _total(database) == UsageSum(None, 2, USED + USED, 40, 1)


async def test_nothing_without_a_price_counts_against_a_budget(database: Database) -> None:
    """Where a budget applies it is refused, and leaves no entry and no counter behind."""
    with pytest.raises(Unpriced, match="claude-sonnet-5-5"):
        await _open(database, "e1", request(worst_case_nanousd=None), claims=(MONTH,))
    assert (await _total(database)).requests == 0
    assert await database.read(budgets.state, MONTH.key) is None


async def test_entries_of_dead_processes_are_closed_by_their_age(database: Database) -> None:
    """Those opened before a time: at what was reported, or at the expected input. Others stay open."""
    for entry_id, opened_s in (("heard", 0), ("silent", 1), ("young", 60)):
        await _open(database, entry_id, claims=(MONTH,), now=at(opened_s))
    await database.write(ledger.progress, [("heard", Usage(cache_read_tokens=40, output_tokens=7))])
    closed = await database.write(
        ledger.close_abandoned, now=at(99), price_of=known_price, opened_before=at(60)
    )
    assert closed == 2
    total = await _total(database)
    assert total.usage == Usage(input_tokens=100, cache_read_tokens=40, output_tokens=7)
    assert total.cost_nanousd == known_price("", total.usage, T0)
    state = await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert (state.spent_nanousd, state.held_nanousd) == (total.cost_nanousd, 1_000)
    assert await _close(database, "young"), "nobody closed it"
    assert await _close(database, "heard"), "what the provider reports replaces the estimate"
    assert not await _close(database, "heard"), "but nothing replaces that"
    total, state = await _total(database), await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert (state.spent_nanousd, state.held_nanousd) == (total.cost_nanousd, 0)


async def test_what_turns_out_to_be_free_replaces_an_estimate(database: Database) -> None:
    """A request of a message batch that expired was taken for abandoned before anybody knew."""
    await _open(database, "e1", claims=(MONTH,))
    await database.write(
        ledger.close_abandoned, now=at(9), price_of=known_price, opened_before=at(9)
    )
    free = Closing("e1", Usage(), EntryStatus.UNBILLED, 0)
    assert await database.write(ledger.close, free, now=at(10))
    assert not await database.write(ledger.close, free, now=at(11))
    total, state = await _total(database), await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert (total.requests, total.cost_nanousd, state.spent_nanousd) == (0, 0, 0)


async def test_entries_can_be_opened_closed_and_summed_up_together(database: Database) -> None:
    """All or none are opened; the sum is that of what they were made for."""
    many = [(f"e{number}", request(turn_id="batch.1")) for number in range(3)]
    for _ in range(2):
        await database.write(ledger.open_all, many, claims=(MONTH,), now=T0)
    assert sorted(await database.read(ledger.open_of, "batch.1")) == ["e0", "e1", "e2"]
    closings = [Closing(name, Usage(1, 1), EntryStatus.COMPLETED, 5) for name in ("e0", "e1")]
    await database.write(ledger.close_all, closings, now=T0)
    assert await database.read(ledger.open_of, "batch.1") == ["e2"]
    assert (await database.read(usage_sums.total_of, "batch.1")).cost_nanousd == 10


async def test_a_dead_request_without_a_price_frees_what_it_held(database: Database) -> None:
    """Where the price has been forgotten meanwhile, the cost is unknown, and the hold is gone."""
    await _open(database, "e1", claims=(MONTH,))
    await database.write(
        ledger.close_abandoned, now=at(9), price_of=lambda *_: None, opened_before=at(9)
    )
    total = await _total(database)
    assert (total.cost_nanousd, total.unknown_cost_requests) == (0, 1)
    state = await database.read(budgets.state, MONTH.key)
    assert state is not None
    assert (state.spent_nanousd, state.held_nanousd) == (0, 0)


async def test_sums_by_a_column_have_the_dearest_first(database: Database) -> None:
    """Equally dear ones come by name; what belongs to nobody has a sum of its own."""
    people = {"e1": "bea", "e2": "ada", "e3": "cyd", "e4": "bea", "e5": None}
    costs = {"e1": 10, "e2": 30, "e3": 30, "e4": 15, "e5": 5}
    for entry_id, person in people.items():
        await _spent(database, entry_id, request(person=person), costs[entry_id])
    sums = await database.read(usage_sums.by, "person_key", since=None, until=None)
    assert [(each.subject, each.requests, each.cost_nanousd) for each in sums] == [
        ("ada", 1, 30),
        ("cyd", 1, 30),
        ("bea", 2, 25),
        (None, 1, 5),
    ]


async def test_a_period_includes_its_beginning_and_not_its_end(database: Database) -> None:
    """Two periods that meet count every request once, wherever on earth their bounds were written."""
    for number in range(4):
        await _spent(database, f"e{number}", request(), 10**number, now=at(number))
    zone = timezone(timedelta(hours=-5))
    early = await database.read(usage_sums.total, since=T0, until=at(2).astimezone(zone))
    late = await database.read(usage_sums.total, since=at(2), until=None)
    assert (early.cost_nanousd, late.cost_nanousd) == (11, 1100)
    sums = await database.read(usage_sums.by, "model", since=at(1), until=at(3))
    assert [each.cost_nanousd for each in sums] == [110]


async def test_a_report_agrees_with_itself(database: Database) -> None:
    """The sums by every column add up to the total."""
    columns = ("model", "channel_key", "workspace_key", "person_key", "plugin", "purpose")
    for number, model in enumerate(("claude-sonnet-5-5", "claude-opus-5", "claude-sonnet-5-5")):
        asked = request(
            model=model,
            channel=f"slack:T1:C{number}",
            person=None if number else "slack:T1:U1",
            purpose="summary" if number else "answer",
        )
        await _spent(database, f"e{number}", asked, 10**number, now=at(number))
    whole = await database.read(usage_sums.report, columns, since=None, until=None)
    assert (whole.total.requests, whole.total.cost_nanousd) == (3, 111)
    assert set(whole.by) == set(columns)
    for sums in whole.by.values():
        assert sum(each.cost_nanousd for each in sums) == 111
        assert sum(each.usage.prompt_tokens for each in sums) == whole.total.usage.prompt_tokens
    assert [each.subject for each in whole.by["model"]] == ["claude-sonnet-5-5", "claude-opus-5"]
    assert [each.subject for each in whole.by["purpose"]] == ["summary", "answer"]


async def test_answered_turns_are_those_with_an_answer(database: Database) -> None:
    """A turn that is still open does not count, nor one outside the period."""
    for number, name in enumerate(("early", "late", "open")):
        await put(database, said(where=thread(name)), now=at(number))
        work = await take_one(database, now=at(number))
        if name != "open":
            await answer(database, work, now=at(9))
    for since, until, count in (
        (None, None, 2),
        (T0, at(1), 1),
        (at(1), None, 1),
        (at(2), None, 0),
    ):
        assert (
            await database.read(turn_figures.answered_turns, since=since, until=until) == count
        ), f"in [{since}, {until})"


async def test_nothing_used_is_what_an_empty_database_reports(database: Database) -> None:
    """So whoever has no database yet sees the same report."""
    columns = ("model", "purpose")
    empty = await database.read(usage_sums.report, columns, since=T0, until=T0 + timedelta(days=1))
    nothing = usage_sums.nothing_used(columns)
    assert (empty.total, empty.turns) == (nothing.total, nothing.turns)
    assert {column: list(sums) for column, sums in empty.by.items()} == {
        column: list(sums) for column, sums in nothing.by.items()
    }
