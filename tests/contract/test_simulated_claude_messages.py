"""The real SDK understands what the simulated Claude answers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from functools import partial

import anthropic
import pytest

from bot.vocabulary import ManualClock, Usage
from sandbox.claude import (
    Pace,
    Refusal,
    Reply,
    SearchResult,
    SimulatedClaude,
    WebSearch,
)
from tests.contract.claude_clients import MODEL, TRANSPORTS, question, sdk_client, text_of
from tests.support import wait_until

TOOL = {
    "name": "roll_dice",
    "description": "Rolls dice.",
    "input_schema": {
        "type": "object",
        "properties": {"sides": {"type": "integer"}, "note": {"type": "string"}},
        "required": ["sides"],
        "additionalProperties": False,
    },
}


@pytest.fixture(params=TRANSPORTS)
async def client(
    request: pytest.FixtureRequest, simulated_claude: SimulatedClaude
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The SDK over each of its transports."""
    async with sdk_client(simulated_claude, transport=request.param) as client:
        yield client


async def test_a_stream_has_the_events_of_the_real_api_in_their_order(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Start, one block with deltas, the final usage and the stop, as the raw stream shows them."""
    simulated_claude.script.always("Hello there, my good friend.")
    events = [event async for event in await client.messages.create(**question(), stream=True)]
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    written = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    assert written == "Hello there, my good friend."
    assert events[0].message.usage.input_tokens == events[-2].usage.input_tokens > 0
    assert events[-2].usage.output_tokens > events[0].message.usage.output_tokens


async def test_the_stream_helper_assembles_what_create_returns(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Streamed or not, the message is the same."""
    simulated_claude.script.always("One answer § with «signs» and 表.")
    whole = await client.messages.create(**question())
    async with client.messages.stream(**question()) as stream:
        streamed = await stream.get_final_message()
    assert text_of(streamed) == text_of(whole) == "One answer § with «signs» and 表."
    assert streamed.stop_reason == whole.stop_reason == "end_turn"
    assert streamed.usage.output_tokens == whole.usage.output_tokens


async def test_every_response_carries_a_request_id_and_the_rate_limits(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """An operator can quote the request, and admission can steer by the headers."""
    raw = await client.messages.with_raw_response.create(**question())
    assert raw.headers["request-id"] == simulated_claude.requests[-1].request_id
    for name in ("requests", "tokens", "input-tokens", "output-tokens"):
        limit = int(raw.headers[f"anthropic-ratelimit-{name}-limit"])
        assert 0 < int(raw.headers[f"anthropic-ratelimit-{name}-remaining"]) <= limit
        assert raw.headers[f"anthropic-ratelimit-{name}-reset"].endswith("Z")


async def test_a_thinking_model_thinks_without_showing_it(client: anthropic.AsyncAnthropic) -> None:
    """At the default effort a thinking block comes first, empty but signed, and counts as output."""
    message = await client.messages.create(**question())
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking == ""
    assert message.content[0].signature
    details = message.usage.output_tokens_details
    assert details is not None
    assert 0 < details.thinking_tokens < message.usage.output_tokens


async def test_thinking_can_be_summarised_and_turned_off(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """`display` shows a scripted summary; `between_tools` leaves up-front thinking out."""
    simulated_claude.script.next(Reply("Done.", thinking="Let me see.", thinking_tokens=40))
    shown = await client.messages.create(
        **question(thinking={"type": "adaptive", "display": "summarized"})
    )
    assert shown.content[0].type == "thinking"
    assert shown.content[0].thinking == "Let me see."
    quiet = await client.messages.create(**question(thinking={"type": "between_tools"}))
    assert [block.type for block in quiet.content] == ["text"]


async def test_tools_are_called_and_their_results_answered(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """A scripted call arrives with its input; the result goes back and the turn ends."""
    simulated_claude.script.next(
        Reply.calling("roll_dice", text="Rolling.", sides=6, note="für dich"),
        "You rolled a four.",
    )
    async with client.messages.stream(**question(tools=[TOOL])) as stream:
        first = await stream.get_final_message()
    assert first.stop_reason == "tool_use"
    call = first.content[-1]
    assert call.type == "tool_use"
    assert call.input == {"sides": 6, "note": "für dich"}
    second = await client.messages.create(
        **question(
            tools=[TOOL],
            messages=[
                {"role": "user", "content": "Roll."},
                {"role": "assistant", "content": first.content},
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "4"}],
                },
            ],
        )
    )
    assert text_of(second) == "You rolled a four."


async def test_unscripted_a_tool_asked_for_by_name_is_called(
    client: anthropic.AsyncAnthropic,
) -> None:
    """Whoever writes a tool can try it without a script."""
    message = await client.messages.create(**question("Please roll dice for me", tools=[TOOL]))
    assert message.content[-1].type == "tool_use"
    assert message.content[-1].name == "roll_dice"
    assert isinstance(message.content[-1].input["sides"], int)


async def test_a_forced_tool_is_called_where_the_model_allows_it(
    client: anthropic.AsyncAnthropic,
) -> None:
    """An older model with `tool_choice` must call the tool."""
    message = await client.messages.create(
        **question(
            model="claude-haiku-4-5",
            tools=[TOOL],
            tool_choice={"type": "tool", "name": "roll_dice"},
        )
    )
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize(
    "reply",
    [
        Reply.calling("unknown_tool"),
        Reply.calling("roll_dice", sides="six"),
    ],
    ids=["not offered", "strict schema broken"],
)
async def test_a_script_no_model_could_follow_is_reported_as_such(
    simulated_claude: SimulatedClaude, reply: Reply
) -> None:
    """A test with a wrong script fails with the reason instead of passing for the wrong one."""
    simulated_claude.script.always(reply)
    async with sdk_client(simulated_claude) as client:
        with pytest.raises(anthropic.InternalServerError, match="The script is wrong"):
            await client.messages.create(**question(tools=[{**TOOL, "strict": True}]))


async def test_a_web_search_pauses_the_turn_and_is_resumed(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """`pause_turn` comes with the search under way; handing it back as it is ends the turn."""
    search = WebSearch("leases", (SearchResult("Lease", "https://example.com/lease"),))
    simulated_claude.script.next(
        Reply("Looking it up.", searches=(search,), stop_reason="pause_turn"),
        Reply("A lease is a contract.", searches=(search,)),
    )
    tools = [{"type": "web_search_20260318", "name": "web_search"}]
    paused = await client.messages.create(**question(tools=tools))
    assert paused.stop_reason == "pause_turn"
    assert paused.content[0].type == "server_tool_use"
    ended = await client.messages.create(
        **question(
            tools=tools,
            messages=[
                {"role": "user", "content": "What is a lease?"},
                {"role": "assistant", "content": paused.content},
            ],
        )
    )
    assert ended.stop_reason == "end_turn"
    assert ended.content[1].type == "web_search_tool_result"
    assert ended.usage.server_tool_use is not None
    assert ended.usage.server_tool_use.web_search_requests == 1


async def test_a_refusal_says_its_category_at_the_end_of_the_stream(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Some text may have come before the model declines; status 200, `stop_details` filled."""
    simulated_claude.script.always(Reply("First you", refusal=Refusal("cyber", "Could do harm.")))
    async with client.messages.stream(**question()) as stream:
        message = await stream.get_final_message()
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert (message.stop_details.category, message.stop_details.explanation) == (
        "cyber",
        "Could do harm.",
    )
    assert text_of(message) == "First you"


async def test_max_tokens_cuts_the_text_and_is_never_exceeded(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The answer is the exact start of what would have been said, within the limit."""
    whole = "All work and no play makes a dull bot. " * 20
    simulated_claude.script.always(whole)
    message = await client.messages.create(**question(max_tokens=25))
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 25
    assert whole.startswith(text_of(message))
    assert text_of(message) != whole


async def test_thinking_counts_toward_max_tokens(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """A small limit can be used up by thinking, which leaves no text at all."""
    simulated_claude.script.always(Reply("Never said.", thinking_tokens=100))
    message = await client.messages.create(**question(max_tokens=50))
    assert message.stop_reason == "max_tokens"
    assert [block.type for block in message.content] == ["thinking"]
    assert message.usage.output_tokens == 50


async def test_thinking_and_text_share_max_tokens(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """What was thought is missing from the room for the text."""
    simulated_claude.script.always(Reply("And so on. " * 50, thinking_tokens=30))
    message = await client.messages.create(**question(max_tokens=50))
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 50
    details = message.usage.output_tokens_details
    assert details is not None
    assert details.thinking_tokens == 30


async def test_a_stop_sequence_ends_the_text_before_it(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """The first of the sequences counts and is named."""
    simulated_claude.script.always("one two END three STOP")
    message = await client.messages.create(**question(stop_sequences=["STOP", "END"]))
    assert text_of(message) == "one two "
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")


async def test_an_answer_stops_where_the_context_window_ends(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """A prompt that fits, but leaves little room, gets what fits."""
    simulated_claude.script.always("And so on. " * 200)
    nearly_full = "word " * 100_000 + "word " * 99_900
    counted = await client.messages.count_tokens(
        model="claude-haiku-4-5", messages=[{"role": "user", "content": nearly_full}]
    )
    message = await client.messages.create(
        **question(nearly_full, model="claude-haiku-4-5", max_tokens=8_000)
    )
    assert message.stop_reason == "model_context_window_exceeded"
    assert message.usage.output_tokens == 200_000 - counted.input_tokens


async def test_structured_output_conforms_to_the_schema(client: anthropic.AsyncAnthropic) -> None:
    """Unscripted, the answer is JSON that the schema's own model accepts."""
    schema = {
        "type": "object",
        "properties": {
            "topic": {"type": "string"},
            "mood": {"enum": ["calm", "cross"]},
            "due": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "owner": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/person"}]},
        },
        "required": ["topic", "mood", "due", "tags", "owner"],
        "additionalProperties": False,
        "$defs": {
            "person": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
                "additionalProperties": False,
            }
        },
    }
    message = await client.messages.create(
        **question(output_config={"format": {"type": "json_schema", "schema": schema}})
    )
    value = json.loads(text_of(message))
    assert value["mood"] == "calm"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", value["due"])
    assert list(value["owner"]) == ["name"]
    assert value["topic"].startswith("What is a lease")


async def test_scripted_usage_is_reported_as_scripted(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """A test of accounting can choose its numbers."""
    usage = Usage(
        input_tokens=7,
        output_tokens=11,
        cache_read_tokens=1_000,
        cache_write_5m_tokens=20,
        cache_write_1h_tokens=3,
    )
    simulated_claude.script.always(Reply("Fine.", usage=usage))
    async with client.messages.stream(**question()) as stream:
        message = await stream.get_final_message()
    reported = message.usage
    assert (reported.input_tokens, reported.output_tokens) == (7, 11)
    assert (reported.cache_read_input_tokens, reported.cache_creation_input_tokens) == (1_000, 23)
    assert reported.cache_creation is not None
    assert reported.cache_creation.ephemeral_1h_input_tokens == 3
    assert simulated_claude.bill().rows[0].usage == usage


async def test_replies_are_chosen_by_text_by_turn_and_by_model(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Next ones once each, then rules, then the one for everything else."""
    script = simulated_claude.script
    script.always("other")
    script.when("weather", "sunny", "rainy")
    script.when(re.compile(r"\d+ \+ \d+"), lambda asked: f"you asked {asked.question}")
    script.next("first")
    script.next("for haiku", model="claude-haiku-5-5")

    async def ask(text: str, model: str = MODEL) -> str:
        return text_of(await client.messages.create(**question(text, model=model)))

    assert await ask("weather?") == "first"
    assert [await ask("weather?") for _ in range(3)] == ["sunny", "rainy", "rainy"]
    assert await ask("1 + 1") == "you asked 1 + 1"
    assert await ask("anything") == "other"
    assert await ask("anything", "claude-haiku-5-5") == "for haiku"


async def test_count_tokens_agrees_with_what_messages_report(
    simulated_claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    """Counting and billing go by the same measure, system prompt and tools included."""
    simulated_claude.script.always("Right.")
    parts = {"system": "You are terse.", "tools": [TOOL], "messages": question()["messages"]}
    counted = await client.messages.count_tokens(model=MODEL, **parts)
    message = await client.messages.create(model=MODEL, max_tokens=10, **parts)
    assert counted.input_tokens == message.usage.input_tokens


async def test_models_are_listed_and_described(client: anthropic.AsyncAnthropic) -> None:
    """The list pages through all models; each says its limits and what it can do."""
    listed = [model.id async for model in client.models.list(limit=3)]
    assert len(listed) == len(set(listed)) > 3
    haiku = await client.models.retrieve("claude-haiku-5-5")
    assert haiku.max_tokens == 128_000
    assert haiku.capabilities is not None
    assert haiku.capabilities.thinking.types.disabled.supported
    assert not haiku.capabilities.thinking.types.enabled.supported
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("claude-2")


async def test_a_retired_model_is_gone(client: anthropic.AsyncAnthropic) -> None:
    """After its retirement date a model answers 404; the clock says when."""
    clock = ManualClock()
    async with SimulatedClaude(clock=clock) as claude, sdk_client(claude) as sdk:
        with pytest.warns(DeprecationWarning, match="claude-sonnet-4-5"):
            await sdk.messages.create(**question(model="claude-sonnet-4-5"))
        await clock.advance(7 * 86_400)
        with (
            pytest.warns(DeprecationWarning, match="claude-sonnet-4-5"),
            pytest.raises(anthropic.NotFoundError, match="claude-sonnet-4-5"),
        ):
            await sdk.messages.create(**question(model="claude-sonnet-4-5"))


async def test_text_comes_at_the_pace_set() -> None:
    """Nothing before the first token's time, then one delta for each second that passes."""
    clock = ManualClock()
    pace = Pace(first_token_s=2.0, tokens_per_s=1.0, tokens_per_chunk=1)
    async with SimulatedClaude(clock=clock, pace=pace) as claude, sdk_client(claude) as client:
        claude.script.always("a b c")
        claude.hold()
        seen: list[str] = []
        reading = asyncio.create_task(_collect(client, seen))
        await claude.wait_for_held()
        claude.release()
        await clock.advance(2.5)
        for passed, expected in enumerate((["a"], ["a", " b"], ["a", " b", " c"])):
            assert len(seen) == passed
            await clock.advance(1.0)
            await wait_until(partial(_same, seen, expected))
        await reading


async def _collect(client: anthropic.AsyncAnthropic, seen: list[str]) -> None:
    async with client.messages.stream(**question()) as stream:
        async for text in stream.text_stream:
            seen.append(text)  # noqa: PERF401 - each is looked at as it comes


def _same(seen: list[str], expected: list[str]) -> bool:
    return seen == expected
