"""Puts a streamed message together: text as it comes, content blocks, usage, and why it stopped.

Source of the events: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import Mapping
from typing import Any

from bot.claude.errors import BrokenStream
from bot.claude.tokens import BYTES_PER_TOKEN, estimate_tokens
from bot.claude.usage_report import UsageReport
from bot.vocabulary import Usage, storable

Block = dict[str, Any]

_THINKING = ("thinking", "redacted_thinking")

BILLED_REFUSALS = frozenset({"bio", "frontier_llm", "reasoning_extraction"})
"""Refusals of these categories are billed even if nothing was written before them; others are not."""


class MessageReader:
    """Takes the events of one response, in order.

    `after` is text that the answer already has from an earlier response (a resumed pause).
    """

    def __init__(self, *, model: str, cache_ttl: str, after: str = "") -> None:
        self.model = model
        self.started = False
        self.finished = False
        self.stop_reason: str | None = None
        self.refusal_category: str | None = None
        self.request_id: str | None = None
        self._report = UsageReport(cache_ttl=cache_ttl)
        self._blocks: dict[int, Block] = {}
        self._pieces: list[str] = []
        self._unspoken_bytes = 0
        self._before = after
        self._needs_gap = bool(after)

    def take(self, event: Mapping[str, Any]) -> str:
        """Take an event; the text it adds to the answer, mostly one word or none.

        Raises:
            ClaudeError: it is an `error` event, or makes no sense where it stands.
        """
        kind = event.get("type")
        try:
            if kind == "content_block_delta":
                return self._delta(self._blocks[event["index"]], event["delta"])
            self._take_other(kind, event)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BrokenStream(f"an event {kind!r} of the stream can't be understood") from error
        return ""

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._pieces)

    @property
    def blocks(self) -> list[Block]:
        """The content as received, without empty text, which the API does not take back."""
        ordered = (self._blocks[index] for index in sorted(self._blocks))
        return [b for b in ordered if b.get("type") != "text" or b["text"]]

    @property
    def web_searches(self) -> int:
        """How many web searches the provider made and charges for."""
        return self._report.web_searches

    @property
    def is_free(self) -> bool:
        """It is a refusal for which the provider charges nothing, whatever usage it reports."""
        refused = self.finished and self.stop_reason == "refusal" and not self.blocks
        return refused and self.refusal_category not in BILLED_REFUSALS

    @property
    def usage(self) -> Usage:
        """As reported; while the message is not finished its output is estimated where more has
        arrived than was reported. Zero tokens of anything until the message has started."""
        reported = self._report.usage
        if self.finished or not self.started:
            return reported
        arrived = estimate_tokens(self.text) + self._unspoken_bytes // BYTES_PER_TOKEN
        return self._report.with_output_of_at_least(arrived)

    def _take_other(self, kind: object, event: Mapping[str, Any]) -> None:
        if kind == "content_block_start":
            self._blocks[event["index"]] = _opened(event["content_block"])
        elif kind == "content_block_stop":
            _close(self._blocks[event["index"]])
            self._needs_gap = self._blocks[event["index"]]["type"] != "text"
        elif kind == "message_start":
            self._start(event["message"])
        elif kind == "message_delta":
            self._message_delta(event)
        elif kind == "message_stop":
            self._stop()
        elif kind == "error":
            # here, because the SDK takes long to import
            from bot.claude.translate import complaint_in

            raise complaint_in(event, request_id=self.request_id).as_error(model=self.model)
        # `ping` and events that a later API may add are passed over, as its documentation asks.

    def _start(self, message: Mapping[str, Any]) -> None:
        self._report.take(message["usage"])
        self.started = True

    def _delta(self, block: Block, delta: Mapping[str, Any]) -> str:
        kind = delta["type"]
        if kind == "text_delta":
            return self._say(block, delta["text"])
        if kind == "input_json_delta":
            self._append(block, "partial_json", delta["partial_json"])
        elif kind == "thinking_delta":
            self._append(block, "thinking", delta["thinking"])
        elif kind == "signature_delta":
            block["signature"] = block.get("signature", "") + delta["signature"]
        elif kind == "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        return ""

    def _say(self, block: Block, text: str) -> str:
        text = storable(text)
        block.setdefault("parts", []).append(text)
        if self._needs_gap and text:
            self._needs_gap = False
            text = self._gap_before(text) + text
        self._pieces.append(text)
        return text

    def _gap_before(self, text: str) -> str:
        """Text on either side of a tool or a pause are paragraphs of their own."""
        said = self._pieces[-1] if self._pieces else self._before
        return "\n\n" if said and not said[-1].isspace() and not text[0].isspace() else ""

    def _append(self, block: Block, key: str, piece: str) -> None:
        block[key] = block.get(key, "") + piece
        self._unspoken_bytes += len(piece)

    def _message_delta(self, event: Mapping[str, Any]) -> None:
        delta = event["delta"]
        self.stop_reason = delta.get("stop_reason") or self.stop_reason
        self.refusal_category = (delta.get("stop_details") or {}).get("category")
        self._report.take(event.get("usage") or {})

    def _stop(self) -> None:
        if not self.started or self.stop_reason is None:
            raise BrokenStream("the message stopped without a reason")
        for block in self._blocks.values():
            _close(block)
        self.finished = True


def without_thinking(blocks: list[Block]) -> list[Block]:
    """The content that may be kept in a history: thinking is bound to its model and its turn."""
    return [block for block in blocks if block.get("type") not in _THINKING]


def _opened(block: Block) -> Block:
    opened = dict(block)
    if opened["type"] == "text":
        opened["parts"] = [opened.get("text", "")]
    return opened


def _close(block: Block) -> None:
    """Gather what came in pieces; closing twice changes nothing."""
    if "parts" in block:
        block["text"] = "".join(block.pop("parts"))
    if "partial_json" in block:
        pieces = block.pop("partial_json")
        block["input"] = json.loads(pieces) if pieces else {}
