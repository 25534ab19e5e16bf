"""From a part of a reply to what Slack is sent.

The text goes into a `markdown` block, which Slack itself renders: headings, lists, tables, code with its
language (https://docs.slack.dev/reference/block-kit/blocks/markdown-block). The `text` beside it is what
notifications and screen readers get.
"""

from collections.abc import Mapping
from typing import Final

from adapters.slack.buttons import blocks_below
from adapters.slack.harmless import escaped, harmless
from adapters.slack.mrkdwn import cut
from adapters.slack.payloads import Json
from bot.ports import Controls, Part
from bot.vocabulary import Thread

MAX_CHARS: Final = 12_000
"""Of all `markdown` blocks of a message, and of a call that streams."""

FALLBACK_CHARS: Final = 3_900
"""chat.update refuses more than 4,000 in `text`."""

CODE_FILE_OVER_CHARS: Final = 6_000
REPLY: Final = "parley_reply"
WAITING: Final = "parley_waiting"
GREETING: Final = "parley_greeting"


def metadata(mark: str, *, kind: str = REPLY) -> Json:
    """How a message is found again (https://docs.slack.dev/messaging/message-metadata)."""
    return {"event_type": kind, "event_payload": {"mark": mark}}


def mark_of(message: Json, *, kind: str = REPLY) -> str | None:
    """The mark of a message that has one of this kind."""
    found = message.get("metadata")
    if not isinstance(found, Mapping) or found.get("event_type") != kind:
        return None
    payload = found.get("event_payload")
    return str(payload.get("mark", "")) if isinstance(payload, Mapping) else None


def fallback(markdown: str) -> str:
    """The text for where blocks are not shown; nothing in it is markup."""
    return cut(escaped(markdown), FALLBACK_CHARS)


def content(thread: Thread, part: Part, *, stoppable: bool = True) -> Json:
    """`text` and `blocks` of a message. Unless `stoppable`, there is another way to stop it."""
    controls = part.controls
    if controls is Controls.STOP and not stoppable:
        controls = Controls.NONE
    text = {"type": "markdown", "text": harmless(part.markdown, part.may_mention)}
    below = blocks_below(thread, part.mark, part.choice, controls)
    return {"text": fallback(part.markdown), "blocks": [text, *below]}


def told(markdown: str) -> Json:
    """`text` and `blocks` of a sentence that is no reply, and mentions nobody."""
    shown = cut(harmless(markdown), MAX_CHARS)
    return {"text": fallback(markdown), "blocks": [{"type": "markdown", "text": shown}]}
