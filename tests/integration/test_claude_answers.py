"""Answers of the simulated Claude through the real SDK, and what they cost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.claude.errors import InvalidRequest
from bot.claude.events import TextDelta
from bot.vocabulary import EntryStatus, Usage
from config.catalogue import Catalogue
from sandbox.claude import Reply, SearchResult, SimulatedClaude, ToolCall, WebSearch
from tests.integration.claude_desk import HAIKU, SONNET, Desk, asked, desk_at

ADD = {
    "name": "add",
    "description": "Adds.",
    "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
}


@pytest.fixture
async def desk(simulated_claude: SimulatedClaude) -> AsyncIterator[Desk]:
    """A client at a simulated Claude."""
    async with desk_at(simulated_claude) as desk:
        yield desk


async def test_an_answer_is_streamed_and_complete(desk: Desk) -> None:
    """What was streamed is what the completion says, and its entry is left to the caller."""
    desk.provider.script.next(Reply("Grüße, **Welt**! 🎉 " * 40))
    told = await desk.ask()
    assert told.shown == told.completion.text == "Grüße, **Welt**! 🎉 " * 40
    assert told.completion.content_blocks == [{"type": "text", "text": told.shown}]
    assert (told.completion.stop_reason, told.completion.model) == ("end_turn", SONNET)
    assert told.completion.request_id == desk.provider.requests[0].request_id
    assert told.completion.attempts == 1
    assert told.completion.first_text_s is not None


async def test_text_comes_while_the_model_is_still_writing(desk: Desk) -> None:
    """Nobody waits for the end of an answer to see its beginning."""
    desk.provider.script.next(Reply("one two three four five six seven eight nine ten " * 5))
    desk.provider.hold(after_chunks=2)
    async for event in desk.answer():
        if isinstance(event, TextDelta):
            desk.provider.release()
            assert event.text.startswith("one")
            break
    else:
        pytest.fail("no text came")


async def test_the_entry_is_open_until_the_caller_closes_it(desk: Desk) -> None:
    """History and ledger can then be written in one transaction."""
    async for _ in desk.answer():
        pass
    assert desk.books.statuses == [EntryStatus.OPEN]


async def test_the_ledger_agrees_with_the_providers_bill(desk: Desk) -> None:
    """To the nano-dollar, with cache writes and reads of both lifetimes, on both models."""
    desk.provider.script.always(Reply("Sure."))
    for model in (SONNET, HAIKU):
        for ttl in ("5m", "1h"):
            prompt = asked("What?", system=f"You are {ttl}. " + "Be kind. " * 600, cache_ttl=ttl)
            for _ in range(2):
                await desk.ask(prompt, models=[model])
    await desk.provider.wait_for_bill(8)
    usage = [entry.usage for entry in desk.books.entries.values()]
    assert any(u.cache_write_5m_tokens for u in usage)
    assert any(u.cache_write_1h_tokens for u in usage)
    assert any(u.cache_read_tokens for u in usage)
    assert usage == [row.usage for row in desk.provider.bill().rows]
    assert desk.books.cost_nanousd == desk.provider.bill().total_nanousd


async def test_the_worst_case_is_set_aside_before(desk: Desk) -> None:
    """No completed request costs more than was reserved for it."""
    await desk.ask(asked("Write something long, please.", max_output_tokens=300))
    (entry,) = desk.books.entries.values()
    assert entry.request.worst_case_nanousd is not None
    assert entry.cost_nanousd is not None
    assert 0 < entry.cost_nanousd <= entry.request.worst_case_nanousd
    assert entry.request.expected_input_tokens > 0


async def test_progress_is_told_as_soon_as_the_input_is_known(desk: Desk) -> None:
    """A crash in the middle of an answer loses little of what it cost."""
    desk.provider.script.next(Reply("word " * 100))
    desk.provider.hold(after_chunks=3)
    events = desk.answer()
    await anext(events)
    (entry,) = desk.books.entries.values()
    assert entry.usage.input_tokens > 0
    desk.provider.release()
    await events.aclose()


async def test_a_refusal_is_an_answer_without_text(desk: Desk) -> None:
    """What was said before it is void, and the category can be told."""
    desk.provider.script.next(Reply.refused("bio", after="First, take some"))
    done = (await desk.ask()).completion
    assert (done.is_refusal, done.refusal_category) == (True, "bio")
    assert (done.text, done.content_blocks) == ("", [])
    assert done.usage.input_tokens > 0


async def test_a_cut_off_answer_says_so(desk: Desk) -> None:
    """The text that there is comes along."""
    done = (await desk.ask(asked("Something long, please", max_output_tokens=10))).completion
    assert done.is_cut_off
    assert done.text


async def test_thinking_can_use_up_the_whole_answer(desk: Desk) -> None:
    """No text and `max_tokens`: the caller can tell what happened."""
    desk.provider.script.next(Reply("Never said.", thinking_tokens=500))
    prompt = replace(asked("Hm?", max_output_tokens=100), thinking="adaptive")
    done = (await desk.ask(prompt)).completion
    assert done.is_cut_off
    assert done.text == ""


async def test_thinking_is_kept_for_tools_and_for_nothing_else(desk: Desk) -> None:
    """It goes back with a tool's result in the same turn, and never into the history."""
    desk.provider.script.next(
        Reply("Let me add.", tool_calls=(ToolCall("add", {"a": 1}),), thinking_tokens=20)
    )
    prompt = replace(asked("1+1?"), tools=[ADD], thinking="adaptive")
    done = (await desk.ask(prompt)).completion
    assert done.stop_reason == "tool_use"
    assert [block["type"] for block in done.content_blocks] == ["text", "tool_use"]
    assert done.content_blocks[1]["input"] == {"a": 1}
    assert done.turn_blocks[0]["type"] == "thinking"
    result = {"type": "tool_result", "tool_use_id": done.content_blocks[1]["id"], "content": "2"}
    again = replace(
        prompt,
        messages=[
            *prompt.messages,
            {"role": "assistant", "content": done.turn_blocks},
            {"role": "user", "content": [result]},
        ],
    )
    desk.provider.script.next(Reply("It is 2."))
    assert (await desk.ask(again)).completion.text == "It is 2."


async def test_a_paused_turn_is_resumed(desk: Desk) -> None:
    """One answer for the reader, two entries for the ledger."""
    hit = SearchResult("Parley", "https://example.org")
    desk.provider.script.next(
        Reply(
            "I will look that up.",
            searches=(WebSearch("parley", (hit,)),),
            stop_reason="pause_turn",
        ),
        Reply("It is a chat bot."),
    )
    search = {"type": "web_search_20260318", "name": "web_search"}
    told = await desk.ask(replace(asked("What is Parley?"), tools=[search]))
    done = told.completion
    assert told.shown == done.text == "I will look that up.\n\nIt is a chat bot."
    assert desk.books.statuses == [EntryStatus.COMPLETED, EntryStatus.COMPLETED]
    assert done.usage + _other_usage(desk, done.entry_id) == done.total_usage
    await desk.provider.wait_for_bill(2)
    assert desk.books.cost_nanousd == done.total_cost_nanousd
    assert desk.books.cost_nanousd == desk.provider.bill().total_nanousd


def _other_usage(desk: Desk, entry_id: str) -> Usage:
    (other,) = (entry.usage for key, entry in desk.books.entries.items() if key != entry_id)
    return other


async def test_a_model_without_a_price_has_an_unknown_cost(desk: Desk) -> None:
    """Its tokens are recorded; its cost is unknown, not zero."""
    async with desk_at(desk.provider, catalogue=Catalogue({})) as priceless:
        done = (await priceless.ask()).completion
    assert (done.cost_nanousd, done.total_cost_nanousd) == (None, None)
    assert done.usage.output_tokens > 0
    (entry,) = priceless.books.entries.values()
    assert entry.request.worst_case_nanousd is None


@pytest.mark.parametrize("data", ["/etc/hostname", "file:///etc/hostname", "~/.ssh/id_rsa"])
async def test_no_text_makes_the_sdk_read_a_file(desk: Desk, data: str) -> None:
    """Whatever a person puts where an image belongs is sent as it is, or refused: never read."""
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    prompt = replace(asked(""), messages=[{"role": "user", "content": content}])
    await desk.ask(prompt)
    (request,) = desk.provider.requests
    sent: Any = request.body["messages"]
    assert sent[0]["content"][0]["source"]["data"] == data


async def test_a_path_in_a_prompt_is_refused(desk: Desk, tmp_path: Path) -> None:
    """A path object would make the SDK read the file and send it."""
    secret = tmp_path / "secret.png"
    secret.write_text("secret")
    source = {"type": "base64", "media_type": "image/png", "data": secret}
    content = [{"type": "image", "source": source}]
    prompt = replace(asked(""), messages=[{"role": "user", "content": content}])
    told = await desk.ask(prompt)
    assert isinstance(told.error, InvalidRequest)
    assert desk.provider.requests == ()
    assert desk.books.entries == {}


async def test_an_answer_needs_a_model(desk: Desk) -> None:
    """A mistake in the settings is no silent failure."""
    with pytest.raises(ValueError, match="model"):
        desk.answer(models=[])


async def test_tokens_are_counted_by_the_provider(desk: Desk) -> None:
    """Where an exact figure matters, it can be had."""
    prompt = asked("How many?", system="Be exact.", max_output_tokens=10)
    counted = await desk.client.count_tokens(prompt, model=SONNET)
    told = await desk.ask(prompt)
    assert counted.exact
    assert counted.tokens == told.completion.usage.prompt_tokens


async def test_a_count_that_fails_is_an_estimate(desk: Desk) -> None:
    """Counting is never what an answer fails for."""
    await desk.provider.stop()
    counted = await desk.client.count_tokens(asked("How many?"), model=SONNET)
    assert not counted.exact
    assert counted.tokens > 0
