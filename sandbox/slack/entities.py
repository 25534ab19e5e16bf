"""Text as Slack writes it: `&`, `<` and `>` escaped, and everything special in angle brackets.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.slack.world import UnknownEntity, World

_TOKEN = re.compile(r"<([^<>\n]+)>")
_TYPED = re.compile(r"<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+|![a-z]+(?:\^[A-Z0-9]+)?)(?:\|[^<>\n]*)?>")
_ADDRESS = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?)'\"\]]")
_AT_NAME = re.compile(r"(?<![\w@<])@([\w.\-]+)")
BROADCASTS = ("here", "channel", "everyone")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text: plain (`kind` empty), or something in angle brackets."""

    kind: str
    """Empty, `user`, `channel`, `broadcast`, `usergroup` or `link`."""
    value: str
    label: str = ""


def escape(text: str) -> str:
    """The three characters that Slack wants escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The reverse of `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def tokens(text: str) -> Iterator[Token]:
    """The pieces of an escaped text; plain ones are unescaped."""
    at = 0
    for found in _TOKEN.finditer(text):
        if found.start() > at:
            yield Token("", unescape(text[at : found.start()]))
        yield _special(found.group(1))
        at = found.end()
    if at < len(text):
        yield Token("", unescape(text[at:]))


def _special(inner: str) -> Token:
    value, _, label = inner.partition("|")
    if value.startswith("@"):
        return Token("user", value[1:], unescape(label))
    if value.startswith("#"):
        return Token("channel", value[1:], unescape(label))
    if value.startswith("!subteam^"):
        return Token("usergroup", value.removeprefix("!subteam^"), unescape(label))
    if value.startswith("!"):
        return Token("broadcast", value[1:], unescape(label))
    return Token("link", unescape(value), unescape(label))


def as_typed(text: str, world: World, team_id: str) -> str:
    """What Slack makes of what a person types: names become mentions, addresses links."""
    written = []
    at = 0
    for found in _TYPED.finditer(text):
        written += [_plain_typed(text[at : found.start()], world, team_id), found.group()]
        at = found.end()
    return "".join([*written, _plain_typed(text[at:], world, team_id)])


def _plain_typed(text: str, world: World, team_id: str) -> str:
    def mention(found: re.Match[str]) -> str:
        name = found.group(1)
        if name in BROADCASTS:
            return f"<!{name}>"
        try:
            return f"<@{world.user(name, team_id).id}>"
        except UnknownEntity:
            return found.group()

    linked = _ADDRESS.sub(lambda found: f"<{found.group()}>", escape(text))
    return _AT_NAME.sub(mention, linked)


def rich_text(text: str, block_id: str) -> dict[str, object]:
    """The `rich_text` block that Slack adds to a message somebody typed."""
    elements = [_element(token) for token in tokens(text)]
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "block_id": block_id, "elements": [section]}


def _element(token: Token) -> dict[str, object]:
    if token.kind == "user":
        return {"type": "user", "user_id": token.value}
    if token.kind == "channel":
        return {"type": "channel", "channel_id": token.value}
    if token.kind == "broadcast":
        return {"type": "broadcast", "range": token.value}
    if token.kind == "usergroup":
        return {"type": "usergroup", "usergroup_id": token.value}
    if token.kind == "link":
        return {"type": "link", "url": token.value}
    return {"type": "text", "text": token.value}
