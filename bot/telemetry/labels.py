"""The values of a metric's label, kept few: each costs memory here and in every collector."""

from typing import Final

MAX_VALUES: Final = 64
"""Of one label; further values are counted together as `other`."""

OTHER: Final = "other"


class BoundedLabel:
    """Remembers the values it has had, and turns those beyond the bound into `other`."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def of(self, value: str) -> str:
        """The value, or `other` if there have been too many different ones."""
        if value in self._seen:
            return value
        if len(self._seen) >= MAX_VALUES:
            return OTHER
        self._seen.add(value)
        return value
