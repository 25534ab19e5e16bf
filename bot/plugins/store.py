"""A plugin's own store: small JSON values that outlive the process. No plugin sees another's."""

from collections.abc import Callable
from typing import Any, Protocol

JsonValue = Any
"""What `json.dumps` takes."""

MAX_VALUE_CHARS = 65_536
"""A value as JSON may be so long. Larger things belong into a database of the plugin's own."""


class Scope(Protocol):
    """A part of the store, which holds for one channel, say."""

    async def get(self, key: str, default: JsonValue = None) -> JsonValue:
        """The value under `key`, or `default`."""

    async def set(self, key: str, value: JsonValue) -> None:
        """Keep a value. Raises `ValueError` if it is no JSON or longer than `MAX_VALUE_CHARS`."""

    async def delete(self, key: str) -> bool:
        """Forget a value; false if there was none."""

    async def items(self, prefix: str = "") -> dict[str, JsonValue]:
        """All values whose key begins with `prefix`, by key in order."""

    async def update(self, key: str, change: Callable[[JsonValue], JsonValue]) -> JsonValue:
        """Set the value to what `change` makes of it (None at first), and return it. Nobody can come
        between; `change` may be called more than once and should do nothing else."""


class Store(Protocol):
    """The plugin's store, by whom or what a value is for."""

    @property
    def everywhere(self) -> Scope:
        """One for the whole installation."""

    @property
    def workspace(self) -> Scope:
        """One for each workspace. Raises `NotHere` where there is none."""

    @property
    def channel(self) -> Scope:
        """One for each channel. Raises `NotHere` where there is none."""

    @property
    def user(self) -> Scope:
        """One for each person, deleted when the person asks to be forgotten. Raises `NotHere` where
        there is nobody."""
