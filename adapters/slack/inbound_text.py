"""From Slack's own markup to what people typed.

In an event's `text` the characters `&`, `<` and `>` are escaped, and what is special stands in angle
brackets (https://docs.slack.dev/messaging/formatting-message-text).
"""

import re
from typing import Final

_TOKEN: Final = re.compile(r"<([^<>\n]+)>")
_SCHEME: Final = re.compile(r"^(?:https?://|mailto:|tel:)")


def unescaped(text: str) -> str:
    """The reverse of Slack's escaping; once, so that an escape that somebody typed stays one."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed(text: str) -> str:
    """The text as its author typed it, or would read it.

    Mentions of people stay as `<@ID>`, to be replaced by names when somebody has asked for them.
    """
    written, at = [], 0
    for token in _TOKEN.finditer(text):
        written += [unescaped(text[at : token.start()]), _special(token[1])]
        at = token.end()
    return "".join([*written, unescaped(text[at:])])


def mentions(text: str, user_id: str) -> bool:
    """Whether the text, as Slack sent it, mentions this user."""
    return f"<@{user_id}>" in text or f"<@{user_id}|" in text


def without_address(text: str, user_id: str) -> str:
    """The text, as Slack sent it, without the mention that only says whom it is for: at its beginning or
    its end. Within a sentence the mention belongs to it."""
    mention = rf"<@{re.escape(user_id)}(?:\|[^<>\n]*)?>"
    rest = re.sub(rf"\A\s*(?:{mention}[,:]?\s*)+", "", text)
    if rest.strip():
        rest = re.sub(rf"(?:\s+{mention})+\s*\Z", "", rest)
    return rest


def _special(inner: str) -> str:
    value, bar, label = inner.partition("|")
    label = unescaped(label)
    if value.startswith("@"):
        return f"@{label.removeprefix('@')}" if label else f"<{value}>"
    if value.startswith("#"):
        return f"#{label}" if label else f"<{value}>"
    if value.startswith("!"):
        return _command(value[1:], label)
    return _link(unescaped(value), label if bar else "")


def _command(value: str, label: str) -> str:
    kind, _, argument = value.partition("^")
    if kind == "date":
        return label or argument
    if kind == "subteam":
        return f"@{label.removeprefix('@')}" if label else "@group"
    return f"@{kind}"


def _link(address: str, label: str) -> str:
    """Slack links what looks like an address; then the label is what was typed."""
    bare = _SCHEME.sub("", address)
    if not label or label == address:
        return address.removeprefix("mailto:").removeprefix("tel:")
    if label.rstrip("/") == bare.rstrip("/"):
        return label
    return f"[{label}]({address})"
