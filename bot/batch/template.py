"""The prompt of a batch, with fields in braces that each item fills."""

import re
from collections.abc import Iterable

from bot.batch.errors import BatchUnusable
from bot.batch.items import Item

# `{name}`, or a doubled brace, which stands for one. Other braces, as in JSON, are left alone.
_FIELD = re.compile(r"\{\{|\}\}|\{(\w[\w .-]*)\}")


class Template:
    """A prompt such as `Sum up {text}`. Where it names no field, the item comes after it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = {found[1] for found in _FIELD.finditer(text) if found[1]}

    def check(self, items: Iterable[Item]) -> None:
        """Raise `BatchUnusable` if an item lacks a field that the prompt names."""
        for item in items:
            missing = sorted(self.names - set(item.fields))
            if missing:
                known = ", ".join(f"{{{name}}}" for name in item.fields)
                raise BatchUnusable(
                    f"item {item.number} has no {{{missing[0]}}}; it has {known}. "
                    "A brace that is meant as one is doubled: {{"
                )

    def filled(self, item: Item) -> str:
        """What Claude is asked about an item."""

        def value(found: re.Match[str]) -> str:
            return item.fields[found[1]] if found[1] else found[0][0]

        text = _FIELD.sub(value, self.text)
        return text if self.names else f"{text}\n\n{item.text}"
