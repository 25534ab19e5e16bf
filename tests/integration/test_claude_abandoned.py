"""Callers who go away, ledgers that refuse or fail, and a client that is closed: nothing is left open."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.claude import errors
from bot.claude.events import TextDelta
from bot.claude.memory_books import InMemoryBooks
from bot.claude.observer import NullObserver, RequestReport
from bot.vocabulary import BillableRequest, Closing, EntryStatus
from sandbox.claude import Fault, Reply, SimulatedClaude
from tests.integration.claude_desk import SONNET, Desk, desk_at
from tests.support import wait_until


class Reports(NullObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.ended: list[RequestReport] = []
        self.books_errors: list[Exception] = []

    def request_ended(self, report: RequestReport) -> None:
        """Keep the report."""
        self.ended.append(report)

    def books_failed(self, error: Exception) -> None:
        """Keep the error."""
        self.books_errors.append(error)


@pytest.fixture
def reports() -> Reports:
    """An observer that keeps what it is told."""
    return Reports()


@pytest.fixture
async def desk(simulated_claude: SimulatedClaude, reports: Reports) -> AsyncIterator[Desk]:
    """A client with one place, at a simulated Claude with much to say."""
    simulated_claude.script.always(Reply("word " * 200))
    async with desk_at(simulated_claude, observer=reports, max_concurrency=1) as desk:
        yield desk


async def read_into(desk: Desk, seen: asyncio.Event) -> None:
    """A caller who tells when the first text is there."""
    async for event in desk.answer():
        if isinstance(event, TextDelta):
            seen.set()


async def check_estimated_and_free(desk: Desk, reports: Reports) -> None:
    """The request ended at the provider, its entry is estimated, and its place is free."""
    await desk.provider.wait_for_disconnect()
    await wait_until(lambda: EntryStatus.OPEN not in desk.books.statuses)
    (entry,) = desk.books.entries.values()
    assert entry.status is EntryStatus.ESTIMATED
    assert entry.usage.input_tokens == desk.provider.bill().rows[0].usage.input_tokens
    assert 0 < entry.usage.output_tokens < 200
    assert entry.request_id == desk.provider.requests[0].request_id
    assert desk.client.admission.free == 1
    assert [report.outcome for report in reports.ended] == ["abandoned"]


async def test_a_stopped_answer_is_ended_and_estimated(desk: Desk, reports: Reports) -> None:
    """The stop button ends the spending, and what was spent is in the books."""
    desk.provider.hold(after_chunks=3)
    events = desk.answer()
    await anext(events)
    await events.aclose()
    await check_estimated_and_free(desk, reports)


async def test_a_cancelled_caller_leaves_nothing_open(desk: Desk, reports: Reports) -> None:
    """A shutdown in the middle of an answer is accounted for as well."""
    desk.provider.hold(after_chunks=3)
    seen = asyncio.Event()
    caller = asyncio.ensure_future(read_into(desk, seen))
    await seen.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await check_estimated_and_free(desk, reports)


async def test_a_dropped_generator_is_ended_too(desk: Desk, reports: Reports) -> None:
    """Even a caller who forgets the generator costs no more than what had come."""
    desk.provider.hold(after_chunks=3)
    async for _ in desk.answer():
        break
    await check_estimated_and_free(desk, reports)


async def test_a_caller_who_leaves_before_the_first_byte_is_estimated(desk: Desk) -> None:
    """The provider has the request and may charge for its input."""
    desk.provider.hold()
    caller = asyncio.ensure_future(desk.ask())
    await desk.provider.wait_for_request()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    (entry,) = desk.books.entries.values()
    assert entry.status is EntryStatus.ESTIMATED
    assert entry.usage.input_tokens == entry.request.expected_input_tokens
    assert entry.usage.output_tokens == 0


async def test_a_caller_who_leaves_the_queue_leaves_no_trace(desk: Desk) -> None:
    """Who waited for a place and went away neither sent nor owes anything."""
    desk.provider.hold()
    first = asyncio.ensure_future(desk.ask())
    await desk.provider.wait_for_request()
    second = asyncio.ensure_future(desk.ask())
    await wait_until(lambda: desk.client.admission.waiting == 1)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    desk.provider.release()
    assert (await first).completion.text
    assert len(desk.provider.requests) == len(desk.books.entries) == 1
    assert desk.client.admission.waiting == 0


class SlowBooks(InMemoryBooks):
    """Books that open and close when they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def open(self, request: BillableRequest) -> str:
        """Open an entry, later."""
        self.asked.set()
        await self.go_on.wait()
        return await super().open(request)


async def test_a_caller_who_leaves_while_the_entry_opens_owes_nothing(desk: Desk) -> None:
    """The entry that opens all the same is closed again: nothing was sent."""
    desk.books = books = SlowBooks()
    caller = asyncio.ensure_future(desk.ask())
    await books.asked.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    books.go_on.set()
    await wait_until(lambda: books.statuses == [EntryStatus.UNBILLED])
    assert desk.provider.requests == ()
    assert desk.client.admission.free == 1


async def test_books_that_do_not_answer_are_no_hang(desk: Desk) -> None:
    """A dead database ends in a typed error at the deadline, and nothing is sent."""
    desk.books = SlowBooks()
    told = await desk.ask(deadline_s=0.05)
    assert isinstance(told.error, errors.DeadlineExceeded)
    assert desk.provider.requests == ()


class BudgetUsedUp(Exception):
    """What a ledger may raise."""


async def test_what_the_ledger_refuses_is_not_sent(desk: Desk) -> None:
    """Its reason goes to the caller untouched, and no other model is tried."""
    desk.books.refusal = BudgetUsedUp()
    with pytest.raises(BudgetUsedUp):
        await desk.ask()
    assert desk.provider.requests == ()
    assert desk.client.admission.free == 1


class ForgetfulBooks(InMemoryBooks):
    """Books that can't be closed at the first attempt."""

    failed = False

    async def close(self, closing: Closing) -> None:
        """Fail once."""
        if not self.failed:
            self.failed = True
            raise OSError("the disk is full")
        await super().close(closing)


async def test_an_entry_that_cannot_be_closed_does_not_hide_what_happened(
    desk: Desk, reports: Reports
) -> None:
    """The caller gets the error of the request; the observer hears of the ledger's, and the entry is
    closed a little later with what is known."""
    desk.books = ForgetfulBooks()
    desk.provider.fail_next(Fault.of_status(400))
    told = await desk.ask(models=[SONNET])
    assert isinstance(told.error, errors.InvalidRequest)
    assert [str(error) for error in reports.books_errors] == ["the disk is full"]
    await wait_until(lambda: desk.books.statuses == [EntryStatus.UNBILLED], 10.0, what="closed")


async def test_every_request_is_reported(desk: Desk, reports: Reports) -> None:
    """Whoever measures sees each attempt with its outcome, tokens, cost and times."""
    desk.provider.fail_next(Fault.of_status(500))
    told = await desk.ask()
    failed, completed = reports.ended
    assert (failed.outcome, failed.status) == ("provider", EntryStatus.UNBILLED)
    assert (completed.outcome, completed.status) == ("completed", EntryStatus.COMPLETED)
    assert completed.usage == told.completion.usage
    assert completed.cost_nanousd == told.completion.cost_nanousd
    assert completed.first_text_s is not None
    assert 0 <= completed.first_text_s <= completed.duration_s
