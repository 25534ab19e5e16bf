"""A request as the model reads it: one line of blocks, tools first, then system, then messages."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.claude.tokens import (
    MESSAGE_OVERHEAD_TOKENS,
    TOOLS_OVERHEAD_TOKENS,
    count_block,
    count_json,
)
from sandbox.wire import to_json

Body = Mapping[str, Any]
"""The JSON body of a request, validated or about to be."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a prompt.

    `digest` stands for everything up to and including this block, as the prompt cache sees it;
    `content_digest` for the same without the request's settings. `ttl` is the lifetime that an
    explicit cache breakpoint on it asks for.
    """

    section: str
    message_index: int
    kind: str
    tokens: int
    tokens_so_far: int
    digest: bytes
    content_digest: bytes
    ttl: str | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole request laid out as blocks; `automatic_ttl` is the top-level `cache_control`'s."""

    blocks: tuple[Block, ...]
    automatic_ttl: str | None

    @property
    def tokens(self) -> int:
        """All tokens of the prompt."""
        return self.blocks[-1].tokens_so_far if self.blocks else 0


def read_prompt(body: Body, model_id: str) -> Prompt:
    """Lay out a validated request."""
    return Prompt(tuple(_laid_out(body, model_id)), ttl_of(body))


def ttl_of(marked: Body) -> str | None:
    """The lifetime that the `cache_control` of a block or request asks for; None without one."""
    control = marked.get("cache_control")
    return None if control is None else str(control.get("ttl") or "5m")


def content_of(message: Body) -> Sequence[Body]:
    """A message's content as blocks: a plain string is one text block."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def seal(content_digest: bytes, model_id: str) -> str:
    """The signature of a thinking block that was written after that prompt by that model."""
    return hashlib.blake2b(content_digest + model_id.encode(), digest_size=48).hexdigest()


def _laid_out(body: Body, model_id: str) -> Iterator[Block]:
    digest = _digest(b"", f"{model_id} {to_json(_output_format(body))}".encode())
    content_digest = _digest(b"", model_id.encode())
    settings = to_json([body.get("tool_choice"), body.get("thinking"), _effort(body)]).encode()
    so_far = 0
    settled = False
    for section, message_index, role, block, overhead in _walk(body):
        if section == "messages" and not settled:
            digest, settled = _digest(digest, settings), True
        canonical = _canonical(section, role, block)
        digest = _digest(digest, canonical)
        content_digest = _digest(content_digest, canonical)
        kind = str(block.get("type", "tool"))
        tokens = overhead + (
            count_json(_unmarked(block)) if section == "tools" else count_block(block)
        )
        so_far += tokens
        yield Block(
            section, message_index, kind, tokens, so_far, digest, content_digest, ttl_of(block)
        )


def _walk(body: Body) -> Iterator[tuple[str, int, str, Body, int]]:
    for index, tool in enumerate(body.get("tools") or ()):
        yield "tools", -1, "", tool, TOOLS_OVERHEAD_TOKENS if index == 0 else 0
    system = body.get("system") or ()
    for block in [{"type": "text", "text": system}] if isinstance(system, str) else system:
        yield "system", -1, "", block, 0
    for number, message in enumerate(body["messages"]):
        for index, block in enumerate(content_of(message)):
            overhead = MESSAGE_OVERHEAD_TOKENS if index == 0 else 0
            yield "messages", number, str(message["role"]), block, overhead


def _canonical(section: str, role: str, block: Body) -> bytes:
    if block.get("type") == "text" and not block.get("citations"):
        written = str(block["text"])
    else:
        written = to_json(_unmarked(block))
    return f"{section} {role} {block.get('type')} {written}".encode("utf-8", "surrogatepass")


def _unmarked(block: Body) -> dict[str, object]:
    return {key: value for key, value in block.items() if key != "cache_control"}


def _digest(before: bytes, canonical: bytes) -> bytes:
    return hashlib.blake2b(canonical, digest_size=24, key=before).digest()


def _output_format(body: Body) -> object:
    return (body.get("output_config") or {}).get("format")


def _effort(body: Body) -> object:
    return (body.get("output_config") or {}).get("effort")
