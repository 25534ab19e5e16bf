"""How many tokens a text has: a local estimate that costs nothing."""

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

_PER_MESSAGE_TOKENS = 4
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
