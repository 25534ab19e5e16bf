"""The limits of embeds.

https://discord.com/developers/docs/resources/message#embed-object-embed-limits
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.discord.errors import FormErrors, listed_objects, measure

MAX_EMBEDS = 10
MAX_TOTAL = 6_000
_MAX_TITLE = 256
_MAX_DESCRIPTION = 4_096
_MAX_FIELDS = 25
_MAX_FIELD_NAME = 256
_MAX_FIELD_VALUE = 1_024
_MAX_FOOTER = 2_048
_MAX_AUTHOR = 256


def check_embeds(embeds: Sequence[Mapping[str, Any]], errors: FormErrors) -> None:
    """Complain about what is too long or too much."""
    errors.too_many("embeds", embeds, MAX_EMBEDS)
    total = 0
    for at, embed in enumerate(embeds):
        total += _check_embed(embed, f"embeds.{at}", errors)
    if total > MAX_TOTAL:
        text = f"Embed size exceeds maximum size of {MAX_TOTAL}"
        errors.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", text)


def _check_embed(embed: Mapping[str, Any], path: str, errors: FormErrors) -> int:
    """Complain about one embed; how many characters count towards the total."""
    texts = [
        ("title", embed.get("title"), _MAX_TITLE),
        ("description", embed.get("description"), _MAX_DESCRIPTION),
        ("footer.text", _inner(embed, "footer", "text"), _MAX_FOOTER),
        ("author.name", _inner(embed, "author", "name"), _MAX_AUTHOR),
    ]
    fields = listed_objects(embed, "fields", errors)
    errors.too_many(f"{path}.fields", fields, _MAX_FIELDS)
    for at, field in enumerate(fields):
        for name, most in (("name", _MAX_FIELD_NAME), ("value", _MAX_FIELD_VALUE)):
            if not field.get(name):
                errors.missing(f"{path}.fields.{at}.{name}")
            texts.append((f"fields.{at}.{name}", field.get(name), most))
    for name, text, most in texts:
        errors.too_long(f"{path}.{name}", text, most)
    return sum(measure(str(text)) for _, text, _ in texts if text)


def _inner(embed: Mapping[str, Any], name: str, part: str) -> object:
    inner = embed.get(name)
    return inner.get(part) if isinstance(inner, Mapping) else None
