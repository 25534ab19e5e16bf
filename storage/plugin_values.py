"""The stores of plugins: JSON values by plugin, scope and key."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from storage.tables import PluginValueRow
from storage.upsert import insert, table

values = table(PluginValueRow)


def get(connection: Connection, plugin: str, scope: str, key: str) -> str | None:
    """The value as JSON, if there is one."""
    found: str | None = connection.execute(
        select(values.c.value).where(*_at(plugin, scope, key))
    ).scalar_one_or_none()
    return found


def of_scopes(
    connection: Connection, plugin: str, scopes: Sequence[str], key: str
) -> dict[str, Any]:
    """The values under `key` in these scopes, by scope; only those that are there."""
    rows = connection.execute(
        select(values.c.scope, values.c.value).where(
            values.c.plugin == plugin, values.c.scope.in_(scopes), values.c.key == key
        )
    )
    return {row.scope: json.loads(row.value) for row in rows}


def put(
    connection: Connection, plugin: str, scope: str, key: str, value: str, *, now: datetime
) -> None:
    """Keep a value given as JSON."""
    new = {"value": value, "updated_at": now}
    connection.execute(
        insert(connection, values)
        .values(plugin=plugin, scope=scope, key=key, **new)
        .on_conflict_do_update(index_elements=["plugin", "scope", "key"], set_=new)
    )


def change(
    connection: Connection,
    plugin: str,
    scope: str,
    key: str,
    function: Callable[[Any], Any],
    *,
    now: datetime,
) -> Any:
    """Put what `function` makes of the value (None at first) in its place, and return it."""
    # The row must be there to be locked; on SQLite one writer runs at a time anyway.
    connection.execute(
        insert(connection, values)
        .values(plugin=plugin, scope=scope, key=key, value="null", updated_at=now)
        .on_conflict_do_nothing(index_elements=["plugin", "scope", "key"])
    )
    row = connection.execute(
        select(values.c.value).where(*_at(plugin, scope, key)).with_for_update()
    ).scalar_one()
    changed = function(json.loads(row))
    put(connection, plugin, scope, key, json.dumps(changed, ensure_ascii=False), now=now)
    return changed


def remove(connection: Connection, plugin: str, scope: str, key: str) -> bool:
    """Delete a value; false if there was none."""
    return connection.execute(delete(values).where(*_at(plugin, scope, key))).rowcount == 1


def remove_all(connection: Connection, scope: str, *, plugins: str, keys: str) -> int:
    """Delete what stands in the scope under keys that begin with `keys`, of all plugins whose names begin
    with `plugins`; how many values that were."""
    return connection.execute(
        delete(values).where(
            values.c.scope == scope,
            values.c.plugin.startswith(plugins, autoescape=True),
            values.c.key.startswith(keys, autoescape=True),
        )
    ).rowcount


def items(connection: Connection, plugin: str, scope: str, prefix: str) -> dict[str, Any]:
    """The values of a scope whose key begins with `prefix`, by key."""
    rows = connection.execute(
        select(values.c.key, values.c.value)
        .where(
            values.c.plugin == plugin,
            values.c.scope == scope,
            values.c.key.startswith(prefix, autoescape=True),
        )
        .order_by(values.c.key)
    )
    return {row.key: json.loads(row.value) for row in rows}


def scopes(connection: Connection, plugin: str, kind: str) -> list[str]:
    """The scopes of a kind in which the plugin keeps something."""
    rows = connection.execute(
        select(values.c.scope)
        .where(values.c.plugin == plugin, values.c.scope.startswith(f"{kind} ", autoescape=True))
        .distinct()
        .order_by(values.c.scope)
    )
    return list(rows.scalars())


def forget_scope(connection: Connection, scope: str) -> int:
    """Delete what all plugins keep in a scope; how many values that were."""
    return connection.execute(delete(values).where(values.c.scope == scope)).rowcount


def _at(plugin: str, scope: str, key: str) -> tuple[Any, ...]:
    return (values.c.plugin == plugin, values.c.scope == scope, values.c.key == key)
