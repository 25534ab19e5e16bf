"""An answer as the API sends it: a message in one piece, or the events of a stream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.vocabulary import Usage
from sandbox.claude.answer import Answer
from sandbox.wire import to_event

_PING = to_event({"type": "ping"})


@dataclass(frozen=True, slots=True)
class Frame:
    """Encoded events that are sent together; `chunk` marks a content delta, with its tokens."""

    data: bytes
    tokens: int = 0
    chunk: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a message before it is written."""

    message_id: str
    model: str
    usage: Usage
    """The input side; its output tokens are not used here."""


def message_body(head: Head, answer: Answer, usage: Usage) -> dict[str, Any]:
    """The whole message, as a request without streaming gets it."""
    return {
        **_opening(head),
        "content": [block.whole for block in answer.blocks],
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "stop_details": answer.stop_details,
        "usage": {
            **_input_usage(head.usage),
            **_output_usage(answer, usage),
            "service_tier": "standard",
        },
    }


def frames(head: Head, answer: Answer, usage: Usage) -> list[Frame]:
    """The stream, in order; `usage` is the final one."""
    return list(_frames(head, answer, usage))


def position_after(sequence: Sequence[Frame], chunks: int) -> int:
    """Where in the frames the point after that many deltas is; after the last one if there are fewer.

    With no delta at all it is before the closing `message_delta`.
    """
    at = None
    for index, frame in enumerate(sequence):
        if frame.chunk:
            if chunks <= 0:
                return index
            chunks -= 1
            at = index + 1
    return len(sequence) - 1 if at is None else at


def _frames(head: Head, answer: Answer, usage: Usage) -> Iterator[Frame]:
    start_usage = {**_input_usage(head.usage), "output_tokens": 1, "service_tier": "standard"}
    opening = {
        **_opening(head),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": start_usage,
    }
    yield Frame(to_event({"type": "message_start", "message": opening}))
    for index, block in enumerate(answer.blocks):
        start = to_event(
            {"type": "content_block_start", "index": index, "content_block": block.start}
        )
        yield Frame(start + _PING if index == 0 else start)
        for delta in block.deltas:
            body = {"type": "content_block_delta", "index": index, "delta": delta.body}
            yield Frame(to_event(body), delta.tokens, chunk=True)
        yield Frame(to_event({"type": "content_block_stop", "index": index}))
    yield Frame(_closing(head, answer, usage))


def _closing(head: Head, answer: Answer, usage: Usage) -> bytes:
    delta = {
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "stop_details": answer.stop_details,
    }
    cumulative = {**_flat_input_usage(head.usage), **_output_usage(answer, usage)}
    ending = to_event({"type": "message_delta", "delta": delta, "usage": cumulative})
    return ending + to_event({"type": "message_stop"})


def _opening(head: Head) -> dict[str, Any]:
    return {"id": head.message_id, "type": "message", "role": "assistant", "model": head.model}


def _flat_input_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
    }


def _input_usage(usage: Usage) -> dict[str, Any]:
    return {
        **_flat_input_usage(usage),
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
    }


def _output_usage(answer: Answer, usage: Usage) -> Mapping[str, Any]:
    found: dict[str, Any] = {"output_tokens": usage.output_tokens}
    if answer.thinking_tokens:
        found["output_tokens_details"] = {"thinking_tokens": answer.thinking_tokens}
    if answer.searches:
        found["server_tool_use"] = {"web_search_requests": answer.searches, "web_fetch_requests": 0}
    return found
