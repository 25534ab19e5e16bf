"""A card as an embed (https://discord.com/developers/docs/resources/message#embed-object-embed-limits)."""

from typing import Any, Final

from bot.ports import OutgoingFile
from bot.vocabulary import Card

MAX_TITLE: Final = 256
MAX_FIELDS: Final = 25
MAX_NAME: Final = 256
MAX_VALUE: Final = 1_024
MAX_FOOTER: Final = 2_048
MAX_TOTAL: Final = 6_000
MAX_CONTENT: Final = 2_000
_BLANK: Final = "\N{ZERO WIDTH SPACE}"
"""A field must have a value."""


def card_content(card: Card) -> str:
    """The message's own text: what a notification shows, and who has embeds turned off."""
    return _cut(f"**{card.title}**\n{card.lead}".strip(), MAX_CONTENT)


def card_embed(card: Card, *, picture: OutgoingFile | None) -> dict[str, Any]:
    """The facts side by side, the listings below, the picture and the note last."""
    title = _cut(card.title, MAX_TITLE)
    note = _cut(card.note, MAX_FOOTER)
    room = MAX_TOTAL - len(title) - len(note)
    fields = []
    for field in [*_facts(card), *_listings(card)][:MAX_FIELDS]:
        room -= len(field["name"]) + len(field["value"])
        if room < 0:
            break
        fields.append(field)
    embed: dict[str, Any] = {"title": title, "fields": fields}
    if note:
        embed["footer"] = {"text": note}
    if picture is not None:
        embed["image"] = {"url": f"attachment://{picture.name}"}
    return embed


def _facts(card: Card) -> list[dict[str, Any]]:
    return [
        {
            "name": _cut(fact.label, MAX_NAME) or _BLANK,
            "value": _cut(fact.value, MAX_VALUE) or _BLANK,
            "inline": True,
        }
        for fact in card.facts
    ]


def _listings(card: Card) -> list[dict[str, Any]]:
    return [
        {
            "name": _cut(each.heading, MAX_NAME) or _BLANK,
            "value": _lines(each.lines) or _BLANK,
            "inline": False,
        }
        for each in card.listings
    ]


def _lines(lines: tuple[str, ...]) -> str:
    """As many whole lines as a field has room for."""
    text = ""
    for at, line in enumerate(lines):
        longer = f"{text}\n• {line}" if text else f"• {line}"
        more = f"\n… and {len(lines) - at} more"
        if len(longer) + len(more) > MAX_VALUE:
            return text + more if text else _cut(longer, MAX_VALUE)
        text = longer
    return text


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
