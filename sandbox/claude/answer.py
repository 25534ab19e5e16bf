"""A reply cut to what the request allows: content blocks, stop reason and output tokens."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sandbox.claude.asked import Asked
from sandbox.claude.prompt import Prompt, seal
from sandbox.claude.schemas import mismatch
from sandbox.claude.script import Refusal, Reply, ToolCall, WebSearch
from sandbox.claude.tokens import split_tokens
from sandbox.wire import to_json

NewId = Callable[[str], str]
"""Makes an identifier with that prefix."""

TOOL_CALL_OVERHEAD_TOKENS = 12
SEARCH_OVERHEAD_TOKENS = 20


class ScriptError(Exception):
    """The script asks for what no model could answer to this request."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One piece of a block as it is streamed, and how many output tokens it took to write."""

    tokens: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ContentBlock:
    """One content block: how it starts in a stream, its deltas, and how it stands in a message."""

    start: Mapping[str, Any]
    deltas: tuple[Delta, ...]
    whole: Mapping[str, Any]

    @property
    def tokens(self) -> int:
        """Output tokens of the block."""
        return sum(delta.tokens for delta in self.deltas)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back. `output_tokens` include the thinking."""

    blocks: tuple[ContentBlock, ...]
    stop_reason: str
    stop_sequence: str | None
    refusal: Refusal | None
    thinking_tokens: int
    searches: int

    @property
    def output_tokens(self) -> int:
        """All tokens that were generated."""
        return sum(block.tokens for block in self.blocks)

    @property
    def stop_details(self) -> dict[str, Any] | None:
        """The refusal as the API reports it."""
        if self.refusal is None:
            return None
        return {
            "type": "refusal",
            "category": self.refusal.category,
            "explanation": self.refusal.explanation,
        }


def compose(
    reply: Reply, *, asked: Asked, prompt: Prompt, tokens_per_chunk: int, new_id: NewId
) -> Answer:
    """Write the answer to a request.

    Raises:
        ScriptError: a tool call that the request's tools do not allow.
    """
    room = asked.model.context_tokens - prompt.tokens
    limit = min(int(asked.body["max_tokens"]), room)
    writer = _Writer(limit, tokens_per_chunk, asked, prompt, new_id)
    blocks = tuple(writer.write(reply))
    return Answer(
        blocks=blocks,
        stop_reason=writer.stop_reason(reply, room),
        stop_sequence=writer.stop_sequence,
        refusal=reply.refusal,
        thinking_tokens=writer.thinking_tokens,
        searches=len(reply.searches),
    )


class _Writer:
    """Writes blocks until the tokens are used up or a stop sequence is met."""

    def __init__(
        self, limit: int, per_chunk: int, asked: Asked, prompt: Prompt, new_id: NewId
    ) -> None:
        self._limit = limit
        self._left = limit
        self._per_chunk = per_chunk
        self._asked = asked
        self._prompt = prompt
        self._new_id = new_id
        self._cut = limit == 0
        self.stop_sequence: str | None = None
        self.thinking_tokens = 0

    def write(self, reply: Reply) -> Iterator[ContentBlock]:
        for part in self._parts(reply):
            if self._cut or self.stop_sequence is not None:
                return
            yield from part

    def stop_reason(self, reply: Reply, room: int) -> str:
        if self._cut:
            return "model_context_window_exceeded" if self._limit == room else "max_tokens"
        if self.stop_sequence is not None:
            return "stop_sequence"
        if reply.refusal is not None:
            return "refusal"
        return reply.stop_reason or ("tool_use" if reply.tool_calls else "end_turn")

    def _parts(self, reply: Reply) -> Iterator[Iterator[ContentBlock]]:
        if reply.thinking_tokens or reply.thinking:
            yield self._thinking(reply)
        for search in reply.searches:
            yield self._search(search, paused=reply.stop_reason == "pause_turn")
        if reply.text:
            yield self._text(reply.text)
        for call in reply.tool_calls:
            yield self._tool_call(call)

    def _thinking(self, reply: Reply) -> Iterator[ContentBlock]:
        pieces = split_tokens(reply.thinking)
        wanted = max(reply.thinking_tokens, len(pieces))
        used = self._spend(wanted)
        self.thinking_tokens = used
        if used == 0:
            return
        shown = self._shows_thinking() and bool(pieces)
        signature = seal(self._prompt.blocks[-1].content_digest, self._asked.model.id)
        deltas: list[Delta] = []
        if shown:
            deltas = [
                Delta(len(chunk), {"type": "thinking_delta", "thinking": "".join(chunk)})
                for chunk in self._chunks(pieces[:used])
            ]
        silent = used - sum(delta.tokens for delta in deltas)
        deltas.append(Delta(silent, {"type": "signature_delta", "signature": signature}))
        text = "".join(pieces[:used]) if shown else ""
        yield ContentBlock(
            start={"type": "thinking", "thinking": "", "signature": ""},
            deltas=tuple(deltas),
            whole={"type": "thinking", "thinking": text, "signature": signature},
        )

    def _shows_thinking(self) -> bool:
        thinking = self._asked.body.get("thinking") or {}
        return thinking.get("display") == "summarized"

    def _text(self, text: str) -> Iterator[ContentBlock]:
        text = self._until_stop_sequence(text)
        pieces = split_tokens(text)
        used = self._spend(len(pieces))
        if used < len(pieces):
            self.stop_sequence = None  # the cut came first
        pieces = pieces[:used]
        if pieces:
            yield ContentBlock(
                start={"type": "text", "text": ""},
                deltas=tuple(
                    Delta(len(chunk), {"type": "text_delta", "text": "".join(chunk)})
                    for chunk in self._chunks(pieces)
                ),
                whole={"type": "text", "text": "".join(pieces)},
            )

    def _until_stop_sequence(self, text: str) -> str:
        found = [
            (text.index(stop), stop)
            for stop in self._asked.body.get("stop_sequences") or ()
            if stop in text
        ]
        if not found:
            return text
        at, self.stop_sequence = min(found)
        return text[:at]

    def _tool_call(self, call: ToolCall) -> Iterator[ContentBlock]:
        self._check_call(call)
        written = to_json(call.input)
        pieces = split_tokens(written)
        used = self._spend(len(pieces) + TOOL_CALL_OVERHEAD_TOKENS)
        if used < TOOL_CALL_OVERHEAD_TOKENS:
            return
        pieces = pieces[: used - TOOL_CALL_OVERHEAD_TOKENS]
        frame = {"type": "tool_use", "id": self._new_id("toolu_01"), "name": call.name}
        opening = Delta(TOOL_CALL_OVERHEAD_TOKENS, _partial_json(""))
        yield ContentBlock(
            start={**frame, "input": {}},
            deltas=(
                opening,
                *(
                    Delta(len(chunk), _partial_json("".join(chunk)))
                    for chunk in self._chunks(pieces)
                ),
            ),
            whole={**frame, "input": {} if self._cut else dict(call.input)},
        )

    def _check_call(self, call: ToolCall) -> None:
        tool = next((tool for tool in self._asked.tools if tool["name"] == call.name), None)
        if tool is None:
            raise ScriptError(f"the request offers no tool named {call.name!r}")
        reason = mismatch(call.input, tool["input_schema"]) if tool.get("strict") else None
        if reason is not None:
            raise ScriptError(f"the strict tool {call.name!r} can't be called like that: {reason}")

    def _search(self, search: WebSearch, *, paused: bool) -> Iterator[ContentBlock]:
        identifier = self._new_id("srvtoolu_01")
        frame = {"type": "server_tool_use", "id": identifier, "name": "web_search"}
        if self._spend(SEARCH_OVERHEAD_TOKENS) < SEARCH_OVERHEAD_TOKENS:
            return
        yield ContentBlock(
            start={**frame, "input": {}},
            deltas=(
                Delta(SEARCH_OVERHEAD_TOKENS, _partial_json(to_json({"query": search.query}))),
            ),
            whole={**frame, "input": {"query": search.query}},
        )
        if not paused:
            found = {
                "type": "web_search_tool_result",
                "tool_use_id": identifier,
                "content": [_search_result(result.title, result.url) for result in search.results],
            }
            yield ContentBlock(start=found, deltas=(), whole=found)

    def _spend(self, tokens: int) -> int:
        """Use up to that many tokens; fewer means that the limit cut the answer."""
        used = min(tokens, self._left)
        self._left -= used
        self._cut = self._cut or used < tokens
        return used

    def _chunks(self, pieces: Sequence[str]) -> Iterator[Sequence[str]]:
        rest = iter(pieces)
        while chunk := tuple(islice(rest, self._per_chunk)):
            yield chunk


def _partial_json(text: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": text}


def _search_result(title: str, url: str) -> dict[str, Any]:
    return {
        "type": "web_search_result",
        "title": title,
        "url": url,
        "encrypted_content": "c2ltdWxhdGVk",
        "page_age": None,
    }
