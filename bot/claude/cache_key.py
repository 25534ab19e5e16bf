"""Keys for answers that may be given again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_CLOSING = "?!.… \t\n"


def request_key(body: Mapping[str, Any]) -> str:
    """The key of an exact request: model, system, messages, tools and parameters.

    `body` is what `request_body` gives. Cache marks don't count: they change what a request costs,
    not what it asks. SHA-256 over canonical JSON, as 64 hexadecimal digits. Raises `TypeError` if
    the body is not plain JSON.
    """
    return _digest(_without_marks(body))


def question_key(question: str, *, system: str, scope: str) -> str:
    """The key of "the same question": when no model answers, what was said to it before may serve.

    `question` is what the person wrote; case, spacing and closing marks don't count. It holds within
    one `scope` (a channel key: no answer leaves the channel it was given in) and one system text.
    Earlier messages of the thread don't count, which is why such an answer must be marked as one
    that was given before.
    """
    normalised = " ".join(question.casefold().split()).rstrip(_CLOSING)
    return _digest([scope, system, normalised])


def _without_marks(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_marks(v) for k, v in value.items() if not _is_mark(k, v)}
    if isinstance(value, (list, tuple)):
        return [_without_marks(item) for item in value]
    return value


def _is_mark(key: str, value: object) -> bool:
    return (
        key == "cache_control" and isinstance(value, Mapping) and value.get("type") == "ephemeral"
    )


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
