"""The simulated Claude in a process of its own, controlled over HTTP."""

import asyncio
import re
import signal
import sys
from typing import Any

import anthropic
import pytest

from bot.vocabulary import Usage
from sandbox.claude import (
    BillStatus,
    ClaudeProcess,
    Fault,
    Outcome,
    Pace,
    RateLimits,
    RemoteClaude,
    Reply,
    SimulatedClaude,
)
from tests.contract.claude_clients import question, sdk_client, text_of


async def test_another_process_can_do_all_that_a_test_can(
    simulated_claude_process: ClaudeProcess,
) -> None:
    """Replies, faults, holding, waiting, the request log and the bill, all over HTTP."""
    claude = simulated_claude_process
    usage = Usage(input_tokens=3, output_tokens=4)
    await claude.reply_next(Reply("first", usage=usage))
    await claude.reply_when(re.compile(r"^tool"), "matched")
    await claude.reply_always("always")
    await claude.fail_next(Fault.of_status(503, retry_after=2))
    await claude.set_pace(Pace(tokens_per_chunk=1))
    async with anthropic.AsyncAnthropic(
        api_key="k", base_url=claude.base_url, max_retries=0
    ) as client:
        with pytest.raises(anthropic.InternalServerError):
            await client.messages.create(**question())
        for said, expected in (("tool", "first"), ("tool", "matched"), ("a tool", "always")):
            assert text_of(await client.messages.create(**question(said))) == expected
        await claude.hold(after_chunks=0)
        async with client.messages.stream(**question()) as stream:
            await claude.wait_for(held=1)
            await claude.release()
            assert text_of(await stream.get_final_message()) == "always"
        await claude.wait_for(requests=5, billed=4)
        await claude.set_limits(RateLimits(requests_per_min=1, enforced=True))
        await client.messages.create(**question())
        with pytest.raises(anthropic.RateLimitError):
            await client.messages.create(**question())
    seen = await claude.requests()
    assert [request.outcome for request in seen[:2]] == [Outcome.REFUSED, Outcome.ANSWERED]
    assert seen[1].body["messages"][0]["content"] == "tool"
    assert not {"authorization", "x-api-key"} & set(seen[0].headers)
    bill = await claude.bill()
    assert bill.rows[0].usage == usage
    assert bill.rows[0].status is BillStatus.COMPLETED
    await claude.reset()
    assert await claude.state() == {
        "requests": 0,
        "disconnects": 0,
        "held": 0,
        "running": 0,
        "billed": 0,
    }


async def test_waiting_in_vain_ends_with_the_reason(simulated_claude: SimulatedClaude) -> None:
    """Both ways to wait have a deadline and say what did not happen."""
    with pytest.raises(TimeoutError, match="2 requests"):
        await simulated_claude.wait_for_request(2, timeout_s=0.01)
    async with RemoteClaude(simulated_claude.base_url) as remote:
        with pytest.raises(TimeoutError, match="'held': 1"):
            await remote.wait_for(held=1, timeout_s=0.01)


async def test_a_wrong_order_is_refused_with_the_reason(simulated_claude: SimulatedClaude) -> None:
    """A typing mistake in a script over HTTP does not pass unnoticed."""
    orders = (
        ("POST", "hold", {"after_chunks": "soon"}, "after_chunks"),
        ("POST", "hold", {"after_chunk": 1}, "after_chunk"),
        ("PUT", "pace", {"token_per_s": 1}, "token_per_s"),
        ("POST", "faults", {"faults": [{"kind": "stall", "after": 1}]}, "after"),
        ("POST", "replies", {"replies": [{"txt": "Hi"}]}, "txt"),
        ("POST", "replies", {"use": "perhaps", "replies": []}, "use: is next, when"),
    )
    async with RemoteClaude(simulated_claude.base_url) as remote:
        for method, path, body, reason in orders:
            with pytest.raises(RuntimeError, match=reason):
                await remote._call(method, path, body)


async def test_the_command_prints_its_address_and_ends_on_sigterm() -> None:
    """What a script needs: one line to read, one signal to stop it, status 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.claude", "--instant", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    async with anthropic.AsyncAnthropic(api_key="k", base_url=address, max_retries=0) as client:
        assert (await client.messages.create(**question())).stop_reason == "end_turn"
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await process.wait() == 0


async def test_message_batches_can_be_held_from_another_process() -> None:
    """And let go, or left to expire."""
    async with (
        SimulatedClaude() as here,
        RemoteClaude(here.base_url) as claude,
        sdk_client(here) as sdk,
    ):
        one: Any = {"custom_id": "one", "params": question()}
        two: Any = {"custom_id": "two", "params": question()}
        await claude.hold_batches(after=1)
        made = await sdk.messages.batches.create(requests=[one, two])
        assert (await sdk.messages.batches.retrieve(made.id)).processing_status == "in_progress"
        await claude.expire_batches()
        counts = (await sdk.messages.batches.retrieve(made.id)).request_counts
        assert (counts.succeeded, counts.expired) == (1, 1)
        await claude.release_batches()
        made = await sdk.messages.batches.create(requests=[one])
        assert (await sdk.messages.batches.retrieve(made.id)).processing_status == "ended"
        assert [row.batch for row in (await claude.bill()).rows] == [True, True]
