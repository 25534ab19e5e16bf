"""Text that Slack shows and does nothing else with: what the model writes must ping nobody.

Slack acts upon `<@…>`, `<!…>` and `<#…>` wherever text stands, code included
(https://docs.slack.dev/messaging/formatting-message-text). `@channel` and the like in plain letters mean
nothing as long as neither `link_names` nor `parse=full` is asked for, and neither ever is.
"""

import re
from collections.abc import Collection
from typing import Final

WORD_JOINER: Final = "\N{WORD JOINER}"
"""Invisible; put behind the bracket, it makes letters of what would have been a command."""

MAX_MENTION_CHARS: Final = 120

# A bracket, also one that a Markdown reader would make of a character reference, before a sign that
# begins a command, which may be referred to as well.
_BRACKET = r"<|&lt;|&\#0*60;|&\#x0*3c;"
_SIGN = r"[@!#]|&(?:\#0*(?:64|33|35)|\#x0*(?:40|21|23)|commat|excl|num);"
_ACTIVE = re.compile(
    rf"<@(?P<id>[A-Z0-9]+)(?:\|[^<>\n]*)?>|(?P<bracket>{_BRACKET})(?={_SIGN})", re.IGNORECASE
)
_UNFINISHED = re.compile(r"<@[A-Z0-9]*(?:\|[^<>\n]*)?\Z|<\Z")


def harmless(text: str, may_mention: Collection[str] = ()) -> str:
    """Markdown that mentions nobody but the people in `may_mention`, by their ids.

    What is made harmless looks as it did. A longer text has the same beginning, but for a mention whose
    end had not come yet: see `harmless_so_far`.
    """

    def changed(found: re.Match[str]) -> str:
        if found["id"] is None:
            return found["bracket"] + WORD_JOINER
        return found[0] if found["id"] in may_mention else f"<{WORD_JOINER}{found[0][1:]}"

    return _ACTIVE.sub(changed, text)


def harmless_so_far(text: str, may_mention: Collection[str] = ()) -> str:
    """The same for a text that goes on: a mention that may turn out to be allowed is held back until it
    is complete, so that what is shown need not be taken back."""
    begun = _UNFINISHED.search(text) if may_mention else None
    if begun is not None and len(text) - begun.start() <= MAX_MENTION_CHARS:
        text = text[: begun.start()]
    return harmless(text, may_mention)


def escaped(text: str) -> str:
    """Plain text for fields in Slack's own markup: nothing in it is markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def size(text: str) -> int:
    """How long Slack takes a Markdown text for, in UTF-16 units: cautious, as Slack does not say which."""
    shown = harmless(text)
    if shown.isascii():
        return len(shown)
    return len(shown) + sum(1 for character in shown if character > "\uffff")
