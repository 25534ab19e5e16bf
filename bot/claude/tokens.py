"""How many tokens a text has: a local estimate that costs nothing, and a bound for what is set aside."""

import json
import string
from collections.abc import Iterable, Mapping
from typing import Any

BYTES_PER_TOKEN = 3
"""English prose has about 4 bytes per token in Claude's older tokenizer; the one of models since 4.7
makes about 30 % more of them (https://platform.claude.com/docs/en/about-claude/pricing). Counting
UTF-8 bytes makes other scripts, which have fewer characters per token, come out about right."""

IMAGE_TOKENS = 2_500
"""An image costs width x height / 750 tokens, after it was scaled down to what the model takes; this
is one of about 1,500 x 1,250 (https://platform.claude.com/docs/en/build-with-claude/vision)."""

DOCUMENT_BYTES_PER_TOKEN = 20
DOCUMENT_MIN_TOKENS = 3_000
"""A PDF page costs 1,500 to 3,000 tokens of text and an image besides
(https://platform.claude.com/docs/en/build-with-claude/pdf-support); its pages can't be counted here."""

MOST_IMAGE_TOKENS = 5_000
"""What the largest image that is not scaled down costs (same page)."""

MOST_TOOLS_TOKENS = 500
"""The provider's own words about tools: 290 to 410 tokens, by model and tool choice
(https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview)."""

_PER_MESSAGE_TOKENS = 4
_MOST_PER_MESSAGE_TOKENS = 8
_BASE64_BYTES_PER_CHAR = 3 / 4


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has, rather a few too many than too few."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def estimate_prompt_tokens(
    system: str, messages: Iterable[Mapping[str, Any]], tools: Iterable[Mapping[str, Any]]
) -> int:
    """About how many tokens a whole prompt has.

    Raises:
        TypeError: something in it is not plain JSON, such as a path or a file. The SDK would read
            such a thing from this machine's disk and send it (`FILE_INPUT_MARKERS`).
    """
    return estimate_tokens(system) + _estimate(messages) + _estimate(tools)


def most_tokens(text: str) -> int:
    """A number of tokens that `text` hardly ever exceeds: two letters of a word a token, every word that
    is begun, every two blanks, and each other sign or byte one of its own.

    Prose has about half as many, digits and signs nearly as many. An estimate from the length alone is
    exceeded by whoever writes in signs, and what was set aside for them would not be enough.
    """
    kinds = text.encode(errors="replace").translate(_KINDS)
    letters, blanks = kinds.count(b"a"), kinds.count(b" ")
    words = kinds.count(b" a") + kinds.count(b".a") + kinds.startswith(b"a")
    return -(-(letters + words + blanks) // 2) + len(kinds) - letters - blanks + 1


def most_prompt_tokens(
    system: str, messages: Iterable[Mapping[str, Any]], tools: Iterable[Mapping[str, Any]]
) -> int:
    """The same for a whole prompt. Raises `TypeError` as `estimate_prompt_tokens` does."""
    given = list(tools)
    for_tools = MOST_TOOLS_TOKENS + most_tokens(json.dumps(given)) if given else 0
    return most_tokens(system) + sum(_most_in_message(each) for each in messages) + for_tools


def _most_in_message(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    return _MOST_PER_MESSAGE_TOKENS + sum(map(_most_in_block, blocks))


def _most_in_block(block: object) -> int:
    if isinstance(block, str):
        return most_tokens(block)
    if not isinstance(block, Mapping):
        return most_tokens(json.dumps(block))
    source = block.get("source")
    if block.get("type") == "image":
        return MOST_IMAGE_TOKENS
    if isinstance(source, dict) and source.get("type") == "base64":
        return _estimate_mapping(block)
    if block.get("type") == "text":
        return most_tokens(str(block.get("text", "")))
    if block.get("type") == "tool_result" and isinstance(block.get("content"), list):
        return _most_in_message(block)
    return _MOST_PER_MESSAGE_TOKENS + most_tokens(json.dumps(block))


def _kinds() -> bytes:
    """For each byte: a letter, a blank, or anything else."""
    table = bytearray(b"." * 256)
    for letter in string.ascii_letters.encode():
        table[letter] = ord("a")
    table[ord(" ")] = ord(" ")
    return bytes(table)


_KINDS = _kinds()


def _estimate(value: object) -> int:
    if isinstance(value, str):
        return estimate_tokens(value)
    if isinstance(value, dict):
        return _estimate_mapping(value)
    if isinstance(value, (list, tuple)):
        return sum(map(_estimate, value))
    if value is None or isinstance(value, (bool, int, float)):
        return 1
    raise TypeError(f"a prompt is plain JSON; {type(value).__name__} is not")


def _estimate_mapping(value: Mapping[str, Any]) -> int:
    source = value.get("source")
    if isinstance(source, dict) and isinstance(source.get("data"), str):
        return _estimate_media(str(value.get("type")), source)
    return _PER_MESSAGE_TOKENS + sum(map(_estimate, value.values()))


def _estimate_media(kind: str, source: Mapping[str, Any]) -> int:
    if kind == "image":
        return IMAGE_TOKENS
    data: str = source["data"]
    if source.get("type") != "base64":
        return estimate_tokens(data)
    size_bytes = int(len(data) * _BASE64_BYTES_PER_CHAR)
    return max(DOCUMENT_MIN_TOKENS, size_bytes // DOCUMENT_BYTES_PER_TOKEN)
