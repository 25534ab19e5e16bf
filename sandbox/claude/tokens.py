"""A deterministic token counter, used alike for counting, limits, caching, billing and streaming.

Text is cut into tokens of at most four ASCII letters or digits (two of other scripts) with the
blank before them, at most two signs, or at most eight blanks. English prose comes to about 3.7
characters a token, near the newest tokenizer. It is not the provider's, and need not be: what
matters is that one text always counts the same and that the tokens join up to the text.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from sandbox.claude.media import image_tokens, pdf_pages
from sandbox.wire import to_json

MESSAGE_OVERHEAD_TOKENS = 4
"""What the frame around each message counts."""
TOOLS_OVERHEAD_TOKENS = 290
"""What the instructions for using tools count, once; the order of magnitude the provider documents."""
PDF_PAGE_TOKENS = 2_000
"""A page of a PDF; the provider documents 1,500 to 3,000."""
_CACHED_TEXT_MAX_CHARS = 8_192

_TOKEN = re.compile(r" ?(?:[A-Za-z0-9_]{1,4}|[^\W\x00-\x7f]{1,2}|[^\w\s]{1,2})|\s{1,8}")


def split_tokens(text: str) -> list[str]:
    """The text's tokens in order; joined they are the text."""
    return _TOKEN.findall(text)


def count_text(text: str) -> int:
    """How many tokens a text has."""
    if len(text) <= _CACHED_TEXT_MAX_CHARS:
        return _count_short(text)
    return len(split_tokens(text))


@lru_cache(maxsize=2_048)
def _count_short(text: str) -> int:
    return len(split_tokens(text))


def count_json(value: object) -> int:
    """How many tokens a JSON value has when written out."""
    return count_text(to_json(value))


def count_block(block: Mapping[str, object]) -> int:
    """How many tokens a content block of a prompt has."""
    kind = block["type"]
    if kind == "text":
        return count_text(str(block["text"]))
    if kind == "image":
        return image_tokens(block)
    if kind == "document":
        return _count_document(block)
    if kind == "tool_result":
        return MESSAGE_OVERHEAD_TOKENS + _count_nested(block.get("content"))
    return count_json({key: value for key, value in block.items() if key not in _NOT_COUNTED})


_NOT_COUNTED = frozenset({"cache_control", "signature", "encrypted_content"})


def _count_nested(content: object) -> int:
    if isinstance(content, str):
        return count_text(content)
    if isinstance(content, list):
        return sum(count_block(block) for block in content)
    return 0


def _count_document(block: Mapping[str, object]) -> int:
    source = block["source"]
    assert isinstance(source, Mapping)  # validated before
    kind = source["type"]
    if kind == "base64":
        return pdf_pages(source) * PDF_PAGE_TOKENS
    if kind == "text":
        return count_text(str(source["data"]))
    if kind == "content":
        return _count_nested(source["content"])
    return PDF_PAGE_TOKENS
