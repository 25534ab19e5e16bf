"""Cursors: long answers in pages."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from sandbox.slack.call import Args
from sandbox.slack.errors import SlackError

T = TypeVar("T")

MAX_LIMIT = 1_000


def page(
    items: Sequence[T], args: Args, *, default: int = 100
) -> tuple[Sequence[T], dict[str, Any]]:
    """One page of the items, and what the answer says of the next: an empty cursor after the last."""
    limit = args.number("limit", default)
    if not 0 < limit <= MAX_LIMIT:
        raise SlackError("invalid_limit")
    start = _position(args.text("cursor"))
    end = start + limit
    following = _cursor(end) if end < len(items) else ""
    return items[start:end], {"response_metadata": {"next_cursor": following}}


def _cursor(position: int) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        name, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
        if name != "next":
            raise SlackError("invalid_cursor")
        return int(position)
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
