"""Whom a message would have notified: everybody, a group, or single people.

Counted for every version of every message, wherever Slack looks for mentions. Code is no shelter:
Slack resolves what is in angle brackets there as well.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack.content_rules import texts_in
from sandbox.slack.entities import BROADCASTS, Token, tokens
from sandbox.slack.messages import Content, Message

_LITERAL = re.compile(r"(?<![\w@])@(here|channel|everyone)\b")


@dataclass(frozen=True, slots=True)
class Ping:
    """One mention that notifies: `target` is a user's id, `here`, `channel`, `everyone` or a group's id.

    `version` counts from 0; an edit notifies nobody on its own, but what it shows can.
    """

    channel_id: str
    ts: str
    version: int
    target: str


def pings_of(message: Message) -> Iterator[Ping]:
    """All of a message, version by version; mentions in an older version are not told again."""
    known: set[str] = set()
    for number, version in enumerate(message.versions):
        for target in sorted(targets_in(version.content) - known):
            known.add(target)
            yield Ping(message.channel_id, message.ts, number, target)


def targets_in(content: Content) -> set[str]:
    """Whom a content mentions."""
    found: set[str] = set()
    for text in _texts(content):
        found |= {token.value for token in tokens(text) if _notifies(token)}
        if content.links_names:
            found |= set(_LITERAL.findall(text))
    for block in content.blocks:
        found |= set(_rich_targets(block))
    return found


def _notifies(token: Token) -> bool:
    if token.kind == "broadcast":  # a date is written like one
        return token.value in BROADCASTS
    return token.kind in ("user", "usergroup")


def _texts(content: Content) -> Iterator[str]:
    yield content.text
    yield content.markdown
    for block in content.blocks:
        if block.get("type") != "rich_text":
            yield from texts_in(block)
    for attachment in content.attachments:
        for name in ("pretext", "text", "title", "fallback"):
            yield str(attachment.get(name) or "")
        yield from texts_in(attachment.get("blocks") or ())


def _rich_targets(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        kind = value.get("type")
        if kind == "user" and "user_id" in value:
            yield str(value["user_id"])
        elif kind == "broadcast" and value.get("range") in BROADCASTS:
            yield str(value["range"])
        elif kind == "usergroup" and "usergroup_id" in value:
            yield str(value["usergroup_id"])
        for inner in value.values():
            yield from _rich_targets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _rich_targets(inner)
