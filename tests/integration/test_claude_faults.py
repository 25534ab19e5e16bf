"""Every scripted fault ends in the right answer or a typed error, and in a closed ledger entry."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.claude import errors
from bot.claude.errors import ClaudeError
from bot.claude.events import TextDelta
from bot.vocabulary import EntryStatus
from sandbox.claude import Fault, Reply, SimulatedClaude
from tests.integration.claude_desk import HAIKU, IMPATIENT, SONNET, Desk, desk_at

UNBILLED, ESTIMATED, COMPLETED = (
    EntryStatus.UNBILLED,
    EntryStatus.ESTIMATED,
    EntryStatus.COMPLETED,
)
TEXT = "The quick brown fox jumps over the lazy dog. " * 6


@pytest.fixture
async def desk(simulated_claude: SimulatedClaude) -> AsyncIterator[Desk]:
    """A client that does not wait long, at a simulated Claude that says the same to everything."""
    simulated_claude.script.always(Reply(TEXT))
    async with desk_at(simulated_claude, timeouts=IMPATIENT) as desk:
        yield desk


@pytest.mark.parametrize(
    ("fault", "reason", "status"),
    [
        (Fault.of_status(408), "timeout", UNBILLED),
        (Fault.of_status(409), "provider", UNBILLED),
        (Fault.of_status(429, retry_after=0.01), "rate_limited", UNBILLED),
        (Fault.of_status(500), "provider", UNBILLED),
        (Fault.of_status(502), "provider", UNBILLED),
        (Fault.of_status(503), "provider", UNBILLED),
        (Fault.of_status(504), "timeout", UNBILLED),
        (Fault.of_status(529), "overloaded", UNBILLED),
        (Fault.hang(), "timeout", ESTIMATED),
        (Fault.drop(), "connection", ESTIMATED),
        (Fault.drop(reset=True), "connection", ESTIMATED),
        (Fault.stall(), "timeout", ESTIMATED),
        (Fault.stall(3), "timeout", ESTIMATED),
        (Fault.cut(3), "connection", ESTIMATED),
        (Fault.cut(3, reset=True), "connection", ESTIMATED),
        (Fault.end_early(), "broken_stream", ESTIMATED),
        (Fault.end_early(3), "broken_stream", ESTIMATED),
        (Fault.stream_error("overloaded_error", 3), "overloaded", ESTIMATED),
        (Fault.stream_error("api_error", 3), "provider", ESTIMATED),
        (Fault.truncated_json(3), "broken_stream", ESTIMATED),
        (Fault.not_json(), "broken_stream", ESTIMATED),
        (Fault.html(), "broken_stream", ESTIMATED),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else str(value),
)
async def test_a_passing_fault_ends_in_the_whole_answer(
    desk: Desk, fault: Fault, reason: str, status: EntryStatus
) -> None:
    """The same model answers at the second attempt; what came before is void, and accounted for."""
    desk.provider.fail_next(fault)
    told = await desk.ask()
    assert told.shown == told.completion.text == TEXT
    assert told.completion.model == SONNET
    assert told.completion.attempts == 2
    assert [restart.reason for restart in told.restarts] == [reason]
    assert desk.books.statuses == [status, COMPLETED]


@pytest.mark.parametrize(
    "fault", [Fault.unknown_events(2), Fault.drip(7), Fault.drip(1)], ids=lambda f: f.kind.value
)
async def test_an_odd_stream_is_no_fault(desk: Desk, fault: Fault) -> None:
    """Unknown events and bytes that come a few at a time change nothing."""
    desk.provider.fail_next(fault)
    told = await desk.ask()
    assert told.completion.text == TEXT
    assert told.completion.attempts == 1


@pytest.mark.parametrize("chunks", [0, 1, 3])
async def test_a_stream_that_died_is_estimated_near_the_bill(desk: Desk, chunks: int) -> None:
    """The reported input, and about as much output as had arrived."""
    desk.provider.fail_next(Fault.end_early(chunks))
    await desk.ask()
    died, _ = desk.books.entries.values()
    await desk.provider.wait_for_bill(2)
    billed = desk.provider.bill().rows[0].usage
    assert died.usage.prompt_tokens == billed.prompt_tokens
    assert abs(died.usage.output_tokens - billed.output_tokens) <= 3 + billed.output_tokens // 2


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.of_status(400), errors.InvalidRequest),
        (Fault.of_status(401), errors.NotAuthorised),
        (Fault.of_status(402), errors.SpendLimitReached),
        (Fault.of_status(403), errors.NotAuthorised),
        (Fault.of_status(413), errors.RequestTooLarge),
        (Fault.spend_limit(), errors.SpendLimitReached),
        (
            Fault.of_status(400, message="prompt is too long: 9 tokens > 7 maximum"),
            errors.ContextTooLong,
        ),
    ],
    ids=lambda value: "" if isinstance(value, Fault) else value.kind,
)
async def test_what_cannot_succeed_is_asked_once(
    desk: Desk, fault: Fault, expected: type[ClaudeError]
) -> None:
    """No second request, no other model, nothing owed, and everything an operator needs to know."""
    desk.provider.fail_next(fault, times=None)
    told = await desk.ask()
    assert type(told.error) is expected
    assert told.error is not None
    assert told.error.attempts == len(desk.provider.requests) == 1
    assert told.error.request_id == desk.provider.requests[0].request_id
    assert told.error.model == SONNET
    assert not told.error.outage
    assert desk.books.statuses == [UNBILLED]


async def test_a_model_that_does_not_exist_is_replaced(desk: Desk) -> None:
    """The next model answers at once."""
    told = await desk.ask(models=["claude-of-tomorrow", HAIKU])
    assert told.completion.model == HAIKU
    assert [(r.reason, r.model) for r in told.restarts] == [("model_not_found", HAIKU)]
    assert [request.model for request in desk.provider.requests] == ["claude-of-tomorrow", HAIKU]


async def test_a_model_that_stays_overloaded_is_replaced(desk: Desk) -> None:
    """After three attempts the next model answers, and the text is all its own."""
    desk.provider.fail_next(Fault.stream_error(after_chunks=2), times=None, model=SONNET)
    told = await desk.ask()
    assert told.completion.model == HAIKU
    assert told.shown == TEXT
    assert [request.model for request in desk.provider.requests] == [SONNET] * 3 + [HAIKU]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.of_status(429, retry_after=3600),
        Fault.of_status(529, retry_after="Wed, 23 Nov 2050 09:00:00 GMT"),
        Fault.of_status(500, should_retry=False),
    ],
)
async def test_a_model_that_will_not_answer_soon_is_replaced_at_once(
    desk: Desk, fault: Fault
) -> None:
    """A long `retry-after`, or the provider's word that retrying is no use, is not sat out."""
    desk.provider.fail_next(fault, times=None, model=SONNET)
    told = await desk.ask()
    assert told.completion.model == HAIKU
    assert [request.model for request in desk.provider.requests] == [SONNET, HAIKU]


async def test_a_long_rate_limit_is_remembered(desk: Desk) -> None:
    """The next question does not run into the limit that the first one found."""
    desk.provider.fail_next(Fault.of_status(429, retry_after=3600), model=SONNET)
    await desk.ask()
    told = await desk.ask()
    assert told.completion.model == HAIKU
    assert [request.model for request in desk.provider.requests] == [SONNET, HAIKU, HAIKU]


async def test_an_outage_is_reported_as_one(desk: Desk) -> None:
    """When no model answers, the error says that the same question may be answered later."""
    desk.provider.fail_next(Fault.of_status(529), times=None)
    told = await desk.ask()
    assert isinstance(told.error, errors.Overloaded)
    assert told.error.outage
    assert told.error.attempts == 6


async def test_a_missing_stand_in_does_not_hide_an_outage(desk: Desk) -> None:
    """That the fallback is misspelt is less important than that the model is away."""
    desk.provider.fail_next(Fault.of_status(529), times=None, model=SONNET)
    told = await desk.ask(models=[SONNET, "claude-of-tomorrow"])
    assert isinstance(told.error, errors.Overloaded)


async def test_a_provider_that_is_away_is_an_outage_that_costs_nothing(desk: Desk) -> None:
    """Nothing was sent, so nothing is owed."""
    await desk.provider.stop()
    told = await desk.ask()
    assert isinstance(told.error, errors.ConnectionFailed)
    assert set(desk.books.statuses) == {UNBILLED}


async def test_a_model_that_keeps_failing_is_left_alone(desk: Desk) -> None:
    """After a few failures nobody waits for it any more: the fallback answers without delay."""
    desk.provider.fail_next(Fault.of_status(500), times=None, model=SONNET)
    for _ in range(3):
        await desk.ask()
    before = len([r for r in desk.provider.requests if r.model == SONNET])
    told = await desk.ask()
    assert told.completion.model == HAIKU
    assert [restart.reason for restart in told.restarts] == ["breaker_open"]
    assert len([r for r in desk.provider.requests if r.model == SONNET]) == before == 5


@pytest.mark.parametrize(
    "fault", [Fault.hang(), Fault.stall(3), Fault.of_status(429, retry_after=20)]
)
async def test_whatever_happens_ends_before_the_deadline(desk: Desk, fault: Fault) -> None:
    """A provider that only stalls can't keep anybody longer than they agreed to wait."""
    desk.provider.fail_next(fault, times=None)
    async with asyncio.timeout(10.0):
        told = await desk.ask(deadline_s=0.6)
    assert told.error is not None
    assert told.error.outage
    assert EntryStatus.OPEN not in desk.books.statuses


async def test_time_that_is_up_before_it_began_costs_nothing(desk: Desk) -> None:
    """No request is made when its answer could not be waited for."""
    told = await desk.ask(deadline_s=-1.0)
    assert isinstance(told.error, errors.DeadlineExceeded)
    assert desk.provider.requests == ()


async def test_text_before_a_fault_is_shown_and_then_void(desk: Desk) -> None:
    """The reader sees it go, and the new answer come."""
    desk.provider.fail_next(Fault.stall(3))
    told = await desk.ask()
    assert isinstance(told.events[0], TextDelta)
    assert told.events.index(told.restarts[0]) > 0
    assert told.shown == TEXT
