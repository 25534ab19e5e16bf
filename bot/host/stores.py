"""The stores of plugins, in the database."""

import json
from collections.abc import Callable
from typing import Any

from bot.plugins import MAX_VALUE_CHARS, NotHere, Scope, Store
from bot.vocabulary import Channel, Person
from storage import plugin_values
from storage.database import Database

EVERYWHERE = "everywhere"


def user_scope(channel: Channel, person: Person) -> str:
    """The scope of what is kept for a person of a workspace."""
    return f"user {person.key_in(channel.workspace_key)}"


class DatabaseScope(Scope):
    """One scope of one plugin's store."""

    def __init__(self, *, database: Database, plugin: str, scope: str) -> None:
        self._database = database
        self._plugin = plugin
        self._scope = scope

    async def get(self, key: str, default: Any = None) -> Any:
        """The value under `key`, or `default`."""
        found = await self._database.read(plugin_values.get, self._plugin, self._scope, key)
        return default if found is None else json.loads(found)

    async def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        text = _json(value)
        now = self._database.now()
        await self._database.write(plugin_values.put, self._plugin, self._scope, key, text, now=now)

    async def delete(self, key: str) -> bool:
        """Forget a value."""
        return await self._database.write(plugin_values.remove, self._plugin, self._scope, key)

    async def items(self, prefix: str = "") -> dict[str, Any]:
        """All values whose key begins with `prefix`."""
        return await self._database.read(plugin_values.items, self._plugin, self._scope, prefix)

    async def update(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Set the value to what `change` makes of it."""

        def checked(value: Any) -> Any:
            changed = change(value)
            _json(changed)
            return changed

        now = self._database.now()
        return await self._database.write(
            plugin_values.change, self._plugin, self._scope, key, checked, now=now
        )


class DatabaseStore(Store):
    """One plugin's store, on one occasion."""

    def __init__(
        self, *, database: Database, plugin: str, channel: Channel | None, person: Person | None
    ) -> None:
        self._database = database
        self._plugin = plugin
        self._channel = channel
        self._person = person

    @property
    def everywhere(self) -> Scope:
        """One for the whole installation."""
        return self._scope(EVERYWHERE)

    @property
    def workspace(self) -> Scope:
        """One for each workspace."""
        return self._scope(f"workspace {self._there().workspace_key}")

    @property
    def channel(self) -> Scope:
        """One for each channel."""
        return self._scope(f"channel {self._there().key}")

    @property
    def user(self) -> Scope:
        """One for each person."""
        if self._person is None:
            raise NotHere("there is no person on this occasion")
        return self._scope(user_scope(self._there(), self._person))

    def _there(self) -> Channel:
        if self._channel is None:
            raise NotHere("there is no channel on this occasion")
        return self._channel

    def _scope(self, scope: str) -> Scope:
        return DatabaseScope(database=self._database, plugin=self._plugin, scope=scope)


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a store keeps what JSON can hold: {error}") from error
    if len(text) > MAX_VALUE_CHARS:
        raise ValueError(f"the value is {len(text)} characters of JSON, over {MAX_VALUE_CHARS}")
    return text
