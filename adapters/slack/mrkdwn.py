"""Markdown in Slack's own markup, for the places where `markdown` blocks can't stand: cards, the home
page, comments to files (https://docs.slack.dev/messaging/formatting-message-text).

A small part of Markdown is enough there: bold, links, headings and lists; the rest is shown as it is
written, and nothing in it is a mention.
"""

import re
from typing import Final

from adapters.slack.harmless import escaped

_CODE: Final = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)
_HEADING: Final = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_ITEM: Final = re.compile(r"^([ \t]*)[-*+][ \t]+", re.MULTILINE)
_BOLD: Final = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|__(?=\S)(.+?)(?<=\S)__")
_LINK: Final = re.compile(r"\[([^\]\n]+)\]\((https?://[^\s)|&;]*)\)")
_STRUCK: Final = re.compile(r"~~(?=\S)(.+?)(?<=\S)~~")


def mrkdwn(markdown: str) -> str:
    """The same in Slack's markup."""
    pieces = _CODE.split(markdown)
    return "".join(
        escaped(piece) if number % 2 else _prose(piece) for number, piece in enumerate(pieces)
    )


def _prose(text: str) -> str:
    text = escaped(text)
    text = _ITEM.sub(r"\1• ", text)
    text = _HEADING.sub(lambda found: f"*{_BOLD.sub(_inner, found[1])}*", text)
    text = _BOLD.sub(lambda found: f"*{_inner(found)}*", text)
    text = _STRUCK.sub(r"~\1~", text)
    return _LINK.sub(r"<\2|\1>", text)


def _inner(found: re.Match[str]) -> str:
    return found[1] or found[2]


def cut(text: str, max_chars: int) -> str:
    """The text, or what of it fits and a sign that there was more; no character reference is torn."""
    if len(text) <= max_chars:
        return text
    kept = text[: max_chars - 1]
    tail = kept.rfind("&", max(0, len(kept) - 6))
    if tail >= 0 and ";" not in kept[tail:]:
        kept = kept[:tail]
    return f"{kept}…"
