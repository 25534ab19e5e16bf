"""The simulated Claude's message batches, as the real SDK sees them."""

from datetime import timedelta
from typing import Any

import anthropic
import pytest

from bot.vocabulary import ManualClock
from sandbox.claude import Fault, Reply, SimulatedClaude
from tests.contract.claude_clients import question, sdk_client


def requests(count: int, **changes: Any) -> Any:
    """The requests of a batch, named r0, r1, …"""
    return [
        {"custom_id": f"r{number}", "params": question(f"Question {number}?", **changes)}
        for number in range(count)
    ]


async def _results(client: anthropic.AsyncAnthropic, batch_id: str) -> dict[str, Any]:
    return {
        each.custom_id: each.result
        async for each in await client.messages.batches.results(batch_id)
    }


async def test_a_batch_ends_and_has_a_result_for_each_request() -> None:
    """It is in progress at first; then each request has its message, in another order than was asked."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        claude.script.when("Question 1?", "One.")
        made = await client.messages.batches.create(requests=requests(3))
        assert (made.processing_status, made.results_url) == ("in_progress", None)
        assert made.request_counts.processing == 3
        assert made.expires_at - made.created_at == timedelta(hours=24)
        ended = await client.messages.batches.retrieve(made.id)
        assert (ended.processing_status, ended.request_counts.succeeded) == ("ended", 3)
        results = await _results(client, made.id)
    assert set(results) == {"r0", "r1", "r2"}
    assert list(results) != ["r0", "r1", "r2"]
    assert results["r1"].message.content[0].text == "One."


async def test_a_batch_costs_half() -> None:
    """The same request costs twice as much outside of one."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        claude.script.always("The same.")
        await client.messages.create(**question())
        one: Any = {"custom_id": "one", "params": question()}
        made = await client.messages.batches.create(requests=[one])
        await client.messages.batches.retrieve(made.id)
        whole, half = claude.bill().rows
    assert (whole.batch, half.batch) == (False, True)
    assert half.cost_nanousd * 2 == whole.cost_nanousd


async def test_what_is_wrong_with_a_request_shows_in_its_result() -> None:
    """The batch is taken, the others are answered, and nothing is billed for it."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        wrong: Any = {"custom_id": "wrong", "params": question(max_tokens=10_000_000)}
        made = await client.messages.batches.create(requests=[*requests(1), wrong])
        ended = await client.messages.batches.retrieve(made.id)
        results = await _results(client, made.id)
        assert (ended.request_counts.succeeded, ended.request_counts.errored) == (1, 1)
        assert results["wrong"].error.error.type == "invalid_request_error"
        assert len(claude.bill().rows) == 1


async def test_a_held_batch_that_is_cancelled_keeps_what_was_done() -> None:
    """What was not is cancelled, and costs nothing."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        claude.batches.hold(after=1)
        made = await client.messages.batches.create(requests=requests(3))
        assert (await client.messages.batches.retrieve(made.id)).processing_status == "in_progress"
        canceling = await client.messages.batches.cancel(made.id)
        assert canceling.processing_status == "canceling"
        ended = await client.messages.batches.retrieve(made.id)
        assert (ended.request_counts.succeeded, ended.request_counts.canceled) == (1, 2)
        assert len(claude.bill().rows) == 1


async def test_a_batch_expires_after_a_day() -> None:
    """What has not been answered by then is expired."""
    clock = ManualClock()
    async with SimulatedClaude(clock=clock) as claude, sdk_client(claude) as client:
        claude.batches.hold()
        made = await client.messages.batches.create(requests=requests(2))
        await clock.advance(24 * 3600)
        ended = await client.messages.batches.retrieve(made.id)
        assert (ended.processing_status, ended.request_counts.expired) == ("ended", 2)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([], "at least 1 item"),
        ([{"custom_id": "a b", "params": {}}], "should match pattern"),
        ([{"custom_id": "x" * 65, "params": {}}], "should match pattern"),
        ([{"custom_id": "a", "params": {}}, {"custom_id": "a", "params": {}}], "must be unique"),
    ],
)
async def test_a_batch_that_makes_no_sense_is_refused(wrong: Any, told: str) -> None:
    """At once, and nothing is made."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        with pytest.raises(anthropic.BadRequestError, match=told):
            await client.messages.batches.create(requests=wrong)
        assert [each async for each in await client.messages.batches.list()] == []


async def test_batches_are_listed_in_pages_and_can_be_deleted_when_they_have_ended() -> None:
    """The newest first; one that is gone is not found."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        claude.batches.hold()
        made = [(await client.messages.batches.create(requests=requests(1))).id for _ in range(3)]
        listed = [each.id async for each in await client.messages.batches.list(limit=2)]
        assert listed == made[::-1]
        with pytest.raises(anthropic.BadRequestError, match="once they've ended"):
            await client.messages.batches.delete(made[0])
        claude.batches.release()
        await client.messages.batches.retrieve(made[0])
        await client.messages.batches.delete(made[0])
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.batches.retrieve(made[0])


async def test_a_refusal_in_a_batch_is_a_result() -> None:
    """It succeeded, and its stop reason says what became of it."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        claude.script.next(Reply.refused("cyber"))
        made = await client.messages.batches.create(requests=requests(1))
        await client.messages.batches.retrieve(made.id)
        (result,) = (await _results(client, made.id)).values()
        assert (result.type, result.message.stop_reason) == ("succeeded", "refusal")


async def test_a_batch_can_be_made_although_its_maker_hears_nothing() -> None:
    """The connection breaks after it was taken: it is in the list."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        claude.fail_next(Fault.cut(), model="batches")
        with pytest.raises(anthropic.APIConnectionError):
            await client.messages.batches.create(requests=requests(1))
        assert len([each async for each in await client.messages.batches.list()]) == 1
