"""A message put together from its events."""

from typing import Any

import pytest

from bot.claude.errors import BrokenStream, ClaudeError, Overloaded, RateLimited
from bot.claude.message_reader import MessageReader, without_thinking
from bot.vocabulary import Usage

Event = dict[str, Any]


def started(**usage: Any) -> Event:
    """A `message_start` with that usage."""
    return {"type": "message_start", "message": {"usage": {"input_tokens": 10, **usage}}}


def block(index: int, content: Event) -> Event:
    """A `content_block_start`."""
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index: int, **what: Any) -> Event:
    """A `content_block_delta`."""
    return {"type": "content_block_delta", "index": index, "delta": what}


def said(index: int, text: str) -> list[Event]:
    """A text block of one delta."""
    return [
        block(index, {"type": "text", "text": ""}),
        delta(index, type="text_delta", text=text),
        {"type": "content_block_stop", "index": index},
    ]


def stopped(reason: str = "end_turn", output_tokens: int = 5, **more: Any) -> list[Event]:
    """The end of a message."""
    usage = {"output_tokens": output_tokens}
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": usage},
        {"type": "message_stop"},
    ]


def read(*events: Event, cache_ttl: str = "5m", after: str = "") -> MessageReader:
    """A reader that has taken those events."""
    reader = MessageReader(model="m", cache_ttl=cache_ttl, after=after)
    for event in events:
        reader.take(event)
    return reader


def test_text_comes_as_it_is_said() -> None:
    """Each delta gives its text, and all of it is the message's."""
    reader = MessageReader(model="m", cache_ttl="5m")
    pieces = [reader.take(e) for e in [started(), *said(0, "Hel"), *said(1, "lo"), *stopped()]]
    assert "".join(pieces) == reader.text == "Hello"
    assert reader.finished
    assert reader.stop_reason == "end_turn"


def test_text_after_a_tool_is_a_paragraph_of_its_own() -> None:
    """What is said before and after a search does not run together."""
    tool = {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}}
    reader = read(
        started(),
        *said(0, "I will look."),
        block(1, tool),
        {"type": "content_block_stop", "index": 1},
        *said(2, "It is so."),
        *stopped(),
    )
    assert reader.text == "I will look.\n\nIt is so."
    assert [b["text"] for b in reader.blocks if b["type"] == "text"] == [
        "I will look.",
        "It is so.",
    ]


def test_text_after_a_pause_is_a_paragraph_of_its_own() -> None:
    """A resumed answer goes on in a new paragraph."""
    assert read(started(), *said(0, "More."), after="Before.").text == "\n\nMore."


def test_a_tool_call_is_gathered_from_its_pieces() -> None:
    """The input of a tool arrives as pieces of JSON."""
    call = {"type": "tool_use", "id": "t", "name": "add", "input": {}}
    reader = read(
        started(),
        block(0, call),
        delta(0, type="input_json_delta", partial_json='{"a": '),
        delta(0, type="input_json_delta", partial_json="1}"),
        {"type": "content_block_stop", "index": 0},
        *stopped("tool_use"),
    )
    assert reader.blocks == [{**call, "input": {"a": 1}}]


def test_thinking_is_neither_text_nor_history() -> None:
    """Thinking can go back with the results of a tool, but nobody sees it and nothing keeps it."""
    reader = read(
        started(),
        block(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, type="thinking_delta", thinking="secret"),
        delta(0, type="signature_delta", signature="sig"),
        {"type": "content_block_stop", "index": 0},
        *said(1, "Hi"),
        *stopped(),
    )
    assert reader.text == "Hi"
    assert reader.blocks[0] == {"type": "thinking", "thinking": "secret", "signature": "sig"}
    assert without_thinking(reader.blocks) == [{"type": "text", "text": "Hi"}]


def test_citations_stay_with_their_text() -> None:
    """A cited text can be sent back as it came."""
    reader = read(
        started(),
        block(0, {"type": "text", "text": ""}),
        delta(0, type="citations_delta", citation={"url": "https://example.org"}),
        delta(0, type="text_delta", text="So it is."),
        *stopped(),
    )
    assert reader.blocks == [
        {"type": "text", "text": "So it is.", "citations": [{"url": "https://example.org"}]}
    ]


def test_empty_text_is_not_kept() -> None:
    """The API does not take an empty text block back."""
    assert read(started(), *said(0, ""), *stopped("max_tokens")).blocks == []


def test_events_and_deltas_of_a_later_api_are_passed_over() -> None:
    """Unknown types are no error, as the API's documentation asks."""
    reader = read(
        started(),
        {"type": "ping"},
        {"type": "something_new", "x": 1},
        block(0, {"type": "text", "text": ""}),
        delta(0, type="new_delta", y=2),
        delta(0, type="text_delta", text="Hi"),
        *stopped(),
    )
    assert reader.text == "Hi"


def test_usage_is_the_last_that_was_reported() -> None:
    """The end of a message reports cumulated figures; what it leaves out stands as it was."""
    reader = read(
        started(
            cache_read_input_tokens=7,
            cache_creation_input_tokens=9,
            cache_creation={"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
            output_tokens=1,
        ),
        *said(0, "Hi"),
        *stopped(output_tokens=12),
    )
    assert reader.usage == Usage(
        input_tokens=10,
        output_tokens=12,
        cache_read_tokens=7,
        cache_write_5m_tokens=4,
        cache_write_1h_tokens=5,
    )


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_cache_writes_without_a_breakdown_are_of_the_lifetime_asked_for(ttl: str) -> None:
    """A provider that does not say how long is taken at our word."""
    usage = read(started(cache_creation_input_tokens=9), cache_ttl=ttl).usage
    assert (usage.cache_write_5m_tokens, usage.cache_write_1h_tokens) == (
        (9, 0) if ttl == "5m" else (0, 9)
    )


def test_an_unfinished_message_has_an_estimated_output() -> None:
    """What has arrived counts, though it was not reported yet."""
    usage = read(started(output_tokens=1), *said(0, "word " * 60)).usage
    assert usage.input_tokens == 10
    assert 50 <= usage.output_tokens <= 120


def test_a_message_that_has_not_begun_has_no_usage() -> None:
    """Nothing was reported, so nothing is claimed."""
    assert read().usage == Usage()


def test_web_searches_are_counted() -> None:
    """They are charged for beside the tokens."""
    searched = stopped()
    searched[0]["usage"]["server_tool_use"] = {"web_search_requests": 2}
    assert read(started(), *searched).web_searches == 2


def test_a_refusal_says_its_category() -> None:
    """Why the model declined is there to be told."""
    reader = read(started(), *stopped("refusal", stop_details={"category": "bio"}))
    assert (reader.stop_reason, reader.refusal_category) == ("refusal", "bio")


@pytest.mark.parametrize(
    ("error_type", "expected"),
    [("overloaded_error", Overloaded), ("rate_limit_error", RateLimited), (None, ClaudeError)],
)
def test_an_error_event_is_the_error_it_names(
    error_type: str | None, expected: type[ClaudeError]
) -> None:
    """An error in a stream has no status of its own, but is typed all the same."""
    with pytest.raises(expected) as caught:
        read(started(), {"type": "error", "error": {"type": error_type, "message": "busy"}})
    assert "busy" in str(caught.value)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": 0},
        {"type": "message_start"},
        {"type": "message_start", "message": {"usage": {"input_tokens": "many"}}},
        {"type": "message_stop"},
        {"type": "content_block_start", "index": 0, "content_block": 3},
    ],
)
def test_an_event_that_makes_no_sense_is_a_broken_stream(event: Event) -> None:
    """A senseless event is a typed error, never a KeyError."""
    with pytest.raises(BrokenStream):
        read(event)


def test_a_tool_input_that_is_not_json_is_a_broken_stream() -> None:
    """Half a tool call is not a tool call."""
    call = {"type": "tool_use", "id": "t", "name": "add", "input": {}}
    with pytest.raises(BrokenStream):
        read(
            started(),
            block(0, call),
            delta(0, type="input_json_delta", partial_json='{"a": '),
            {"type": "content_block_stop", "index": 0},
        )
