"""The simulated Claude's prompt cache and bill, as the real SDK sees them."""

import asyncio
from typing import Any

import anthropic
import pytest

from bot.vocabulary import ManualClock, Usage
from sandbox.claude import BillStatus, Reply, SearchResult, SimulatedClaude, WebSearch
from tests.contract.claude_clients import MODEL, question, sdk_client

LONG = "The bot keeps the start of a conversation unchanged. " * 80
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


class Talk:
    """Asks with a long system prompt and reports the usage of each answer."""

    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self._client = client

    async def ask(self, **changes: Any) -> Usage:
        """The usage of one request."""
        system = [{"type": "text", "text": LONG, "cache_control": MARK}]
        message = await self._client.messages.create(**question(**{"system": system, **changes}))
        used = message.usage
        written = used.cache_creation
        assert written is not None
        assert used.cache_creation_input_tokens == (
            written.ephemeral_5m_input_tokens + written.ephemeral_1h_input_tokens
        )
        return Usage(
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cache_read_tokens=used.cache_read_input_tokens or 0,
            cache_write_5m_tokens=written.ephemeral_5m_input_tokens,
            cache_write_1h_tokens=written.ephemeral_1h_input_tokens,
        )


async def test_a_marked_prefix_is_written_once_and_then_read() -> None:
    """The second request reads what the first wrote; the prompt's total stays the same."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        talk = Talk(client)
        first, second = await talk.ask(), await talk.ask()
    assert first.cache_write_5m_tokens > 512
    assert first.cache_read_tokens == 0
    assert second.cache_read_tokens == first.cache_write_5m_tokens
    assert second.cache_write_tokens == 0
    assert first.prompt_tokens == second.prompt_tokens


async def test_an_entry_lives_five_minutes_or_an_hour_from_its_last_use() -> None:
    """Reading refreshes the lifetime; after it, the prefix is written again."""
    clock = ManualClock()
    async with SimulatedClaude(clock=clock) as claude, sdk_client(claude) as client:
        talk = Talk(client)
        await talk.ask()
        for _ in range(3):
            await clock.advance(299)
            assert (await talk.ask()).cache_read_tokens > 0
        await clock.advance(301)
        assert (await talk.ask()).cache_read_tokens == 0
        an_hour = {"system": [{"type": "text", "text": LONG + "!", "cache_control": HOUR}]}
        assert (await talk.ask(**an_hour)).cache_write_1h_tokens > 0
        await clock.advance(3_599)
        assert (await talk.ask(**an_hour)).cache_read_tokens > 0


async def test_an_entry_can_be_read_once_the_writing_response_has_begun(
    simulated_claude: SimulatedClaude,
) -> None:
    """Two requests at the same time: the second reads if it comes after the first one's headers."""
    async with sdk_client(simulated_claude) as client:
        system = [{"type": "text", "text": LONG, "cache_control": MARK}]
        simulated_claude.hold()
        before = asyncio.create_task(client.messages.create(**question(system=system)))
        await simulated_claude.wait_for_held(1)
        simulated_claude.hold(after_chunks=0)
        async with client.messages.stream(**question(system=system)) as first:
            await simulated_claude.wait_for_held(2)
            simulated_claude.release()
            used = (await Talk(client).ask()).cache_read_tokens
            assert (await before).usage.cache_read_input_tokens == 0
            written = (await first.get_final_message()).usage.cache_creation_input_tokens
    assert used == written


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "claude-opus-5-5"},
        {"system": [{"type": "text", "text": "!" + LONG, "cache_control": MARK}]},
        {"tools": [{"name": "x", "input_schema": {"type": "object"}}]},
        {
            "output_config": {
                "format": {
                    "type": "json_schema",
                    "schema": {"type": "object", "additionalProperties": False},
                }
            }
        },
    ],
    ids=["model", "system", "tools", "format"],
)
async def test_a_change_before_the_mark_reads_nothing(changes: dict[str, Any]) -> None:
    """The prefix must be exactly the same, tools first, and for the same model."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        talk = Talk(client)
        await talk.ask()
        assert (await talk.ask(**changes)).cache_read_tokens == 0


async def test_another_account_reads_nothing(simulated_claude: SimulatedClaude) -> None:
    """Each API key has a cache of its own."""
    async with sdk_client(simulated_claude, api_key="one") as client:
        await Talk(client).ask()
    async with sdk_client(simulated_claude, api_key="two") as client:
        assert (await Talk(client).ask()).cache_read_tokens == 0


async def test_effort_spares_the_system_prompt_but_not_the_messages() -> None:
    """Settings belong to the messages: what stands before them is still read."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        talk = Talk(client)
        messages = [{"role": "user", "content": LONG}]
        first = await talk.ask(messages=messages, cache_control=MARK)
        same = await talk.ask(messages=messages, cache_control=MARK)
        other = await talk.ask(
            messages=messages, cache_control=MARK, output_config={"effort": "low"}
        )
    assert same.cache_read_tokens == first.cache_write_5m_tokens
    assert 0 < other.cache_read_tokens < same.cache_read_tokens


async def test_a_growing_conversation_is_read_up_to_its_last_turn() -> None:
    """The automatic breakpoint moves along, and each turn pays only for what is new."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        talk = Talk(client)
        messages: list[dict[str, Any]] = [{"role": "user", "content": "Hello."}]
        before = await talk.ask(messages=messages, cache_control=MARK)
        for turn in range(5):
            messages += [
                {"role": "assistant", "content": f"Answer {turn}."},
                {"role": "user", "content": f"Question {turn}?"},
            ]
            now = await talk.ask(messages=messages, cache_control=MARK)
            assert now.cache_read_tokens == before.cache_read_tokens + before.cache_write_tokens
            assert now.input_tokens == 0
            before = now


@pytest.mark.parametrize(("added", "hit"), [(19, True), (20, False)])
async def test_the_cache_looks_back_over_twenty_blocks(added: int, hit: bool) -> None:
    """A breakpoint finds an entry up to 19 blocks before its own, and none further back."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        talk = Talk(client)
        blocks = [{"type": "text", "text": LONG}]
        plain: dict[str, Any] = {"system": "Short.", "cache_control": MARK}
        await talk.ask(messages=[{"role": "user", "content": blocks}], **plain)
        blocks += [{"type": "text", "text": f"block {n}"} for n in range(added)]
        later = await talk.ask(messages=[{"role": "user", "content": blocks}], **plain)
    assert (later.cache_read_tokens > 0) is hit


async def test_below_the_smallest_size_nothing_is_cached() -> None:
    """Silently: no error, no tokens; the size differs by model."""
    middling = [{"type": "text", "text": LONG[: 4 * 700], "cache_control": MARK}]
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        talk = Talk(client)
        assert (await talk.ask(system="Short.", cache_control=MARK)).cache_write_tokens == 0
        assert (await talk.ask(system=middling)).cache_write_tokens > 0
        assert (await talk.ask(system=middling, model="claude-haiku-4-5")).cache_write_tokens == 0


async def test_mixed_lifetimes_are_told_apart() -> None:
    """Up to the one-hour mark it is an hour's write, from there on five minutes'."""
    async with SimulatedClaude() as claude, sdk_client(claude) as client:
        used = await Talk(client).ask(
            system=[{"type": "text", "text": LONG, "cache_control": HOUR}],
            messages=[
                {"role": "user", "content": [{"type": "text", "text": LONG, "cache_control": MARK}]}
            ],
        )
    assert used.cache_write_1h_tokens > 0
    assert used.cache_write_5m_tokens > 0
    assert used.input_tokens == 0


async def test_the_bill_has_every_completed_request_to_the_nano_dollar(
    simulated_claude: SimulatedClaude,
) -> None:
    """Each category at its own price; the request id is the one the client saw."""
    usage = Usage(
        input_tokens=1,
        output_tokens=10,
        cache_read_tokens=100,
        cache_write_5m_tokens=1_000,
        cache_write_1h_tokens=10_000,
    )
    simulated_claude.script.always(Reply("Fine.", usage=usage))
    async with sdk_client(simulated_claude) as client:
        message = await client.messages.create(**question())
    row = simulated_claude.bill().find(message._request_id or "")
    assert row is not None
    assert (row.model, row.message_id, row.status) == (MODEL, message.id, BillStatus.COMPLETED)
    assert row.cost_nanousd == 1 * 2_000 + 10 * 10_000 + 100 * 100 + 1_000 * 2_500 + 10_000 * 4_000
    assert simulated_claude.bill().total_nanousd == row.cost_nanousd


@pytest.mark.parametrize(("prompt_tokens", "price"), [(100_000, 100), (100_001, 500)])
async def test_haiku_has_a_second_price_for_long_prompts(
    simulated_claude: SimulatedClaude, prompt_tokens: int, price: int
) -> None:
    """Above 100,000 tokens of prompt the whole request has the higher price."""
    usage = Usage(input_tokens=1, cache_read_tokens=prompt_tokens - 1)
    simulated_claude.script.always(Reply("Fine.", usage=usage))
    async with sdk_client(simulated_claude) as client:
        await client.messages.create(**question(model="claude-haiku-5-5"))
    read_price = price // 10
    assert simulated_claude.bill().total_nanousd == price + (prompt_tokens - 1) * read_price


async def test_a_refusal_is_billed_by_its_kind(simulated_claude: SimulatedClaude) -> None:
    """Before any output only some categories are billed; after some output, all."""
    simulated_claude.script.next(
        Reply.refused("cyber"), Reply.refused("bio"), Reply.refused("cyber", after="Well,")
    )
    async with sdk_client(simulated_claude) as client:
        for _ in range(3):
            await client.messages.create(**question())
    bill = simulated_claude.bill()
    assert [row.cost_nanousd > 0 for row in bill.rows] == [False, True, True]
    assert bill.of(BillStatus.REFUSED) == bill


async def test_web_searches_are_billed_apart(simulated_claude: SimulatedClaude) -> None:
    """A cent each, beside the tokens."""
    search = WebSearch("leases", (SearchResult("Lease", "https://example.com/"),))
    simulated_claude.script.always(Reply("Found.", searches=(search, search)))
    async with sdk_client(simulated_claude) as client:
        await client.messages.create(**question())
    (row,) = simulated_claude.bill().rows
    assert row.search_nanousd == 2 * 10_000_000
    assert simulated_claude.bill().total_nanousd == row.cost_nanousd + row.search_nanousd


async def test_a_client_that_leaves_is_billed_what_was_sent(
    simulated_claude: SimulatedClaude,
) -> None:
    """The whole input, and the output up to where the stream was left."""
    simulated_claude.script.always("word " * 100)
    simulated_claude.hold(after_chunks=3)
    async with sdk_client(simulated_claude) as client:
        async with client.messages.stream(**question()) as stream:
            await simulated_claude.wait_for_held()
            await stream.close()
        await simulated_claude.wait_for_disconnect()
    (row,) = simulated_claude.bill().rows
    assert row.status is BillStatus.ABORTED
    assert row.usage.input_tokens > 0
    assert row.usage.output_tokens == 3 * simulated_claude.pace.tokens_per_chunk
