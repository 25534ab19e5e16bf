"""Every scripted fault reaches the real SDK as the real failure would."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest

from sandbox.claude import BillStatus, Fault, Outcome, SimulatedClaude
from tests.contract.claude_clients import TRANSPORTS, question, sdk_client, text_of

SAID = "One two three four five six seven eight nine ten."


@pytest.fixture(params=TRANSPORTS)
async def client(
    request: pytest.FixtureRequest, simulated_claude: SimulatedClaude
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The SDK over each of its transports."""
    simulated_claude.script.always(SAID)
    async with sdk_client(simulated_claude, transport=request.param) as client:
        yield client


async def _read(client: anthropic.AsyncAnthropic, seen: list[Any]) -> None:
    stream = await client.messages.create(**question(), stream=True)
    async for event in stream:
        seen.append(event)  # noqa: PERF401 - what came before an error must be kept


def _deltas(events: list[Any]) -> int:
    return sum(event.type == "content_block_delta" for event in events)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.APIStatusError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (408, anthropic.APIStatusError, "invalid_request_error"),
        (409, anthropic.ConflictError, "conflict_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (502, anthropic.InternalServerError, "api_error"),
        (503, anthropic.InternalServerError, "api_error"),
        (504, anthropic.InternalServerError, "timeout_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_a_status_fault_raises_the_sdks_error_for_it(
    simulated_claude: SimulatedClaude,
    status: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    """Once as armed, in the official shape; the next request succeeds and only that is billed."""
    simulated_claude.fail_next(Fault.of_status(status, retry_after=3, should_retry=False))
    async with sdk_client(simulated_claude) as client:
        with pytest.raises(error) as caught:
            await client.messages.create(**question())
        assert (caught.value.status_code, caught.value.type) == (status, kind)
        assert caught.value.response.headers["retry-after"] == "3"
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert (await client.messages.create(**question())).stop_reason == "end_turn"
    assert len(simulated_claude.bill().rows) == 1


async def test_the_spend_limit_is_told_apart_from_a_rate_limit(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """It is a 429 with its own code and without `retry-after`."""
    simulated_claude.fail_next(Fault.spend_limit())
    with pytest.raises(anthropic.RateLimitError) as caught:
        await client.messages.create(**question())
    assert caught.value.error_code == "enforced_spend_limit_reached"
    assert "retry-after" not in caught.value.response.headers


async def test_faults_come_for_the_next_requests_by_model_or_always(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Twice for one model, in the order armed; always until cleared."""

    async def status(model: str) -> int:
        try:
            await client.messages.create(**question(model=model))
        except anthropic.APIStatusError as error:
            return error.status_code
        return 200

    haiku, sonnet = "claude-haiku-5-5", "claude-sonnet-5-5"
    simulated_claude.fail_next(Fault.of_status(503), times=2, model=haiku)
    assert [await status(model) for model in (sonnet, haiku, haiku, haiku)] == [200, 503, 503, 200]
    simulated_claude.fail_next(Fault.of_status(500), Fault.of_status(502))
    assert [await status(sonnet) for _ in range(3)] == [500, 502, 200]
    simulated_claude.fail_next(Fault.of_status(529), times=None)
    assert [await status(sonnet) for _ in range(3)] == [529, 529, 529]
    simulated_claude.faults.clear()
    assert await status(sonnet) == 200


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_dropped_connection_is_a_connection_error(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic, reset: bool
) -> None:
    """No byte of a response came; nothing is billed."""
    simulated_claude.fail_next(Fault.drop(reset=reset))
    with pytest.raises(anthropic.APIConnectionError):
        await client.messages.create(**question())
    assert simulated_claude.bill().rows == ()


async def test_a_cut_stream_raises_after_the_deltas_that_came(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The transport's own error surfaces, not one of the SDK's; what was sent is billed."""
    simulated_claude.fail_next(Fault.cut(after_chunks=2))
    seen: list[Any] = []
    with pytest.raises(httpx2.HTTPError):
        await _read(client, seen)
    assert _deltas(seen) == 2
    await simulated_claude.wait_for_bill()
    row = simulated_claude.bill().rows[0]
    assert row.status is BillStatus.ABORTED
    assert 0 < row.usage.output_tokens < len(SAID)
    assert simulated_claude.requests[0].outcome is Outcome.FAULTED


async def test_a_reset_stream_raises(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """A TCP reset may swallow what had been sent, but never passes for an end."""
    simulated_claude.fail_next(Fault.cut(after_chunks=2, reset=True))
    with pytest.raises((httpx2.HTTPError, anthropic.APIConnectionError)):
        await _read(client, [])


async def test_a_clean_end_without_message_stop_raises_nothing(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The trap a client must know: half a message and no error."""
    simulated_claude.fail_next(Fault.end_early(after_chunks=1))
    async with client.messages.stream(**question()) as stream:
        message = await stream.get_final_message()
    assert message.stop_reason is None
    assert SAID.startswith(text_of(message))
    assert text_of(message) != SAID


@pytest.mark.parametrize("kind", ["overloaded_error", "api_error"])
async def test_an_error_in_the_stream_has_status_200(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic, kind: str
) -> None:
    """It is a plain status error of the type named, after the deltas that came."""
    simulated_claude.fail_next(Fault.stream_error(kind, after_chunks=1))
    seen: list[Any] = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        await _read(client, seen)
    assert (caught.value.status_code, caught.value.type) == (200, kind)
    assert _deltas(seen) == 1


async def test_a_stalled_stream_times_out_and_the_leaving_is_noticed(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Deltas, then silence; when the client gives up the simulator sees it and bills what it sent."""
    simulated_claude.fail_next(Fault.stall(after_chunks=1))
    seen: list[Any] = []
    with pytest.raises((httpx2.TimeoutException, anthropic.APITimeoutError)):
        await _read(client.with_options(timeout=httpx2.Timeout(5.0, read=0.05)), seen)
    assert _deltas(seen) == 1
    await simulated_claude.wait_for_disconnect()
    assert simulated_claude.requests[0].outcome is Outcome.DISCONNECTED
    assert simulated_claude.bill().rows[0].status is BillStatus.ABORTED


async def test_a_hanging_request_times_out_before_the_first_byte(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Nothing comes and nothing is billed."""
    simulated_claude.fail_next(Fault.hang())
    with pytest.raises(anthropic.APITimeoutError):
        await client.with_options(timeout=0.05).messages.create(**question())
    await simulated_claude.wait_for_disconnect()
    assert simulated_claude.bill().rows == ()


@pytest.mark.parametrize("fault", [Fault.not_json(), Fault.html()], ids=["nonsense", "web page"])
async def test_a_body_that_is_no_stream_gives_no_events(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic, fault: Fault
) -> None:
    """Another trap: the SDK reads a page that is no stream as a stream without events."""
    simulated_claude.fail_next(fault)
    seen: list[Any] = []
    await _read(client, seen)
    assert seen == []


async def test_truncated_json_in_the_stream_raises(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The broken event can't be parsed."""
    simulated_claude.fail_next(Fault.truncated_json(after_chunks=1))
    with pytest.raises(ValueError, match="Unterminated string"):
        await _read(client, [])


@pytest.mark.parametrize(
    "fault",
    [Fault.unknown_events(after_chunks=1), Fault.drip(bytes_per_write=3)],
    ids=["unknown events", "drip"],
)
async def test_an_odd_but_complete_stream_gives_the_whole_answer(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic, fault: Fault
) -> None:
    """Events of unknown types and writes that break inside a character lose nothing."""
    simulated_claude.script.always(f"{SAID} 表「」 § ü")
    simulated_claude.fail_next(fault)
    seen: list[Any] = []
    await _read(client, seen)
    known = [event for event in seen if event.type == "content_block_delta"]
    written = "".join(event.delta.text for event in known if event.delta.type == "text_delta")
    assert written == f"{SAID} 表「」 § ü"
    assert seen[-1].type == "message_stop"
    assert simulated_claude.bill().rows[0].status is BillStatus.COMPLETED


@pytest.mark.parametrize(
    "fault",
    [Fault.cut(), Fault.end_early(), Fault.truncated_json(), Fault.stream_error(), Fault.html()],
    ids=lambda fault: fault.kind,
)
async def test_faults_strike_requests_without_streaming_too(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic, fault: Fault
) -> None:
    """Half a body, a broken connection or an error, but never a message that looks whole."""
    simulated_claude.fail_next(fault)
    try:
        message = await client.messages.create(**question())
    except (anthropic.AnthropicError, httpx2.HTTPError, ValueError):
        return
    assert getattr(message, "stop_reason", None) is None


async def test_a_reply_can_be_held_in_the_middle(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The world stands still after two deltas until it is released, without any sleeping."""
    simulated_claude.hold(after_chunks=2)
    seen: list[Any] = []
    async with client.messages.stream(**question()) as stream:
        async for event in stream:
            if event.type == "content_block_delta":
                seen.append(event)
            if len(seen) == 2 and not simulated_claude.bill().rows:
                await simulated_claude.wait_for_held()
                simulated_claude.release()
        message = await stream.get_final_message()
    assert text_of(message) == SAID
    assert len(seen) > 2


async def test_an_outage_ends_when_it_starts_again(simulated_claude: SimulatedClaude) -> None:
    """Stopped it refuses connections and breaks off replies; started again it has the same address."""
    simulated_claude.script.always(SAID)
    simulated_claude.hold(after_chunks=1)
    address = simulated_claude.base_url
    async with sdk_client(simulated_claude) as client:
        async with client.messages.stream(**question()) as running:
            await simulated_claude.wait_for_held()
            await simulated_claude.stop()
            with pytest.raises((httpx2.HTTPError, anthropic.APIConnectionError)):
                await running.get_final_message()
        with pytest.raises(anthropic.APIConnectionError):
            await client.messages.create(**question())
        simulated_claude.release()
        await simulated_claude.start()
        assert simulated_claude.base_url == address
        assert text_of(await client.messages.create(**question())) == SAID
    assert simulated_claude.requests[0].outcome is Outcome.STOPPED
