"""What a person sees of a message, as plain text."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.slack.entities import Token, tokens
from sandbox.slack.messages import Content, Message, StreamState
from sandbox.slack.world import UnknownEntity, World

_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press."""

    action_id: str
    label: str
    value: str = ""
    style: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is shown: where its content is, below the server's root, and what it shows."""

    path: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """A message as somebody sees it. `text` leaves out the buttons."""

    channel_id: str
    ts: str
    thread_ts: str | None
    author_id: str
    author: str
    by_app: bool
    text: str
    buttons: tuple[Button, ...] = ()
    files: tuple[str, ...] = ()
    """Their names."""
    pictures: tuple[Picture, ...] = ()
    blocks: tuple[Mapping[str, Any], ...] = ()
    """How it is laid out, if it is; for those who draw it rather than read it."""
    edited: bool = False
    streaming: bool = False
    ephemeral_for: str | None = None

    @property
    def key(self) -> str:
        """Channel and timestamp: what control verbs take for a message."""
        return f"{self.channel_id}/{self.ts}"


class Renderer:
    """Renders with the names of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def visible(self, message: Message) -> Visible:
        """The message as it looks now."""
        content = message.content
        author = self._world.user(message.user_id).shown_name
        return Visible(
            channel_id=message.channel_id,
            ts=message.ts,
            thread_ts=message.thread_ts,
            author_id=message.user_id,
            author=message.username or author,
            by_app=message.bot_id is not None,
            text=self.text(content),
            buttons=tuple(buttons_of(content.blocks)),
            files=tuple(file.name for file in content.files),
            pictures=tuple(_pictures(message)),
            blocks=content.blocks,
            edited=message.edited_ts is not None,
            streaming=message.stream is StreamState.STREAMING,
            ephemeral_for=message.ephemeral_for,
        )

    def text(self, content: Content) -> str:
        """What it says. Where there are blocks, `text` is not shown."""
        parts = [self.markdown(content.markdown)] if content.markdown else []
        parts += [text for block in content.blocks if (text := self._block(block))]
        if not parts and not content.blocks:
            parts = [self.mrkdwn(content.text)] if content.text else []
        parts += [
            text for attachment in content.attachments if (text := self._attachment(attachment))
        ]
        return "\n".join(parts)

    def mrkdwn(self, text: str) -> str:
        """Slack's own markup: mentions and links resolved, the rest as it stands."""
        return "".join(self._token(token) for token in tokens(text))

    def markdown(self, text: str) -> str:
        """Markdown: its source, with mentions resolved and character references outside code."""
        pieces = _CODE.split(text)
        return "".join(
            piece if at % 2 else html.unescape(self._mentions(piece))
            for at, piece in enumerate(pieces)
        )

    def _mentions(self, text: str) -> str:
        def shown(found: re.Match[str]) -> str:
            token = next(tokens(found.group()))
            return found.group() if token.kind in ("", "link") else self._token(token)

        return re.sub(r"<[@#!][^<>\n]+>", shown, text)

    def _token(self, token: Token) -> str:
        if token.kind == "user":
            return f"@{self._name_of(token)}"
        if token.kind == "channel":
            return f"#{token.label or self._channel_name(token.value)}"
        if token.kind == "broadcast":
            return token.label or f"@{token.value}"
        if token.kind == "usergroup":
            return token.label or f"@{token.value}"
        if token.kind == "link":
            return token.label or token.value
        return token.value

    def _name_of(self, token: Token) -> str:
        try:
            return self._world.user(token.value).shown_name
        except UnknownEntity:
            return token.label or token.value

    def _channel_name(self, channel_id: str) -> str:
        try:
            return self._world.channel(channel_id).name
        except UnknownEntity:
            return channel_id

    def _block(self, block: Mapping[str, Any]) -> str:
        kind = block.get("type")
        if kind == "markdown":
            return self.markdown(str(block.get("text", "")))
        if kind == "rich_text":
            return "\n".join(self._rich(each) for each in block.get("elements") or ())
        if kind == "section":
            fields = [block["text"]] if block.get("text") else []
            fields += block.get("fields") or []
            return "\n".join(self._text_object(each) for each in fields)
        if kind == "context":
            return " ".join(self._text_object(each) for each in block.get("elements") or ())
        if kind in ("header", "alert", "card"):
            return self._text_object(block.get("text") or block.get("title") or {})
        if kind == "image":
            return self._text_object(block.get("title") or {}) or str(block.get("alt_text", ""))
        if kind == "table":
            return "\n".join(self._row(row) for row in block.get("rows") or ())
        return ""

    def _row(self, row: Sequence[Mapping[str, Any]]) -> str:
        return " | ".join(self._rich(cell) for cell in row)

    def _text_object(self, value: Mapping[str, Any]) -> str:
        if value.get("type") == "image":
            return str(value.get("alt_text", ""))
        text = str(value.get("text", ""))
        return self.mrkdwn(text) if value.get("type") == "mrkdwn" else text

    def _rich(self, element: Mapping[str, Any]) -> str:
        """An element of rich text, at any depth; `text` there is plain."""
        kind = element.get("type")
        if kind == "text" or kind == "raw_text":
            return str(element.get("text", ""))
        if kind == "link":
            return str(element.get("text") or element.get("url", ""))
        if kind == "user":
            return self._token(Token("user", str(element.get("user_id"))))
        if kind == "channel":
            return self._token(Token("channel", str(element.get("channel_id"))))
        if kind == "broadcast":
            return f"@{element.get('range')}"
        if kind == "usergroup":
            return f"@{element.get('usergroup_id')}"
        if kind == "emoji":
            return f":{element.get('name')}:"
        inner = [self._rich(each) for each in element.get("elements") or ()]
        if kind == "rich_text_list":
            return "\n".join(f"• {each}" for each in inner)
        return "".join(inner)

    def _attachment(self, attachment: Mapping[str, Any]) -> str:
        blocks = attachment.get("blocks") or ()
        parts = [text for block in blocks if (text := self._block(block))]
        for name in ("pretext", "title", "text"):
            if attachment.get(name) and not parts:
                parts.append(self.mrkdwn(str(attachment[name])))
        return "\n".join(parts) or self.mrkdwn(str(attachment.get("fallback", "")))


def buttons_of(blocks: Sequence[Mapping[str, Any]]) -> Iterator[Button]:
    """The buttons in blocks; a feedback element has two."""
    for block in blocks:
        elements = [*(block.get("elements") or ()), block.get("accessory") or {}]
        for element in elements:
            if element.get("type") == "button":
                yield _button(element, str(element.get("action_id", "")))
            elif element.get("type") == "feedback_buttons":
                for name in ("positive_button", "negative_button"):
                    yield _button(element[name], str(element.get("action_id", "")))


def _button(element: Mapping[str, Any], action_id: str) -> Button:
    return Button(
        action_id=action_id,
        label=str((element.get("text") or {}).get("text", "")),
        value=str(element.get("value", "")),
        style=str(element.get("style", "")),
        url=str(element.get("url", "")),
    )


def _pictures(message: Message) -> Iterator[Picture]:
    """Shared files that are pictures, and files that image blocks show."""
    place = f"files/{message.team_id}-"
    for file in message.content.files:
        if file.media_type.startswith("image/"):
            yield Picture(f"{place}{file.id}/{file.name}", file.title)
    for block in message.content.blocks:
        shown = block.get("slack_file") or {}
        if block.get("type") == "image" and shown.get("id"):
            yield Picture(f"{place}{shown['id']}/picture", str(block.get("alt_text", "")))
