"""What adapters keep from one start to the next, in the database."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from bot.engine.unavailable import told_to_adapters
from bot.host.stores import EVERYWHERE, DatabaseScope
from bot.ports import AdapterStore
from storage import plugin_values
from storage.database import Database

_PLUGIN: Final = "adapter:"
"""No plugin can be named so."""

_ROLE: Final = "role "

Held = dict[str, str]
"""Who holds a role, and until when."""


class DatabaseAdapterStore(AdapterStore):
    """One adapter's values, kept like a plugin's. Roles are held by the database's time.

    `owner` is this replica's name, which no other has.
    """

    def __init__(self, *, database: Database, platform: str, owner: str) -> None:
        self._database = database
        self._scope = DatabaseScope(
            database=database, plugin=f"{_PLUGIN}{platform}", scope=EVERYWHERE
        )
        self._owner = owner

    async def get(self, key: str) -> Any:
        """The value; None if there is none."""
        with told_to_adapters():
            return await self._scope.get(key)

    async def set(self, key: str, value: Any) -> None:
        """Keep a value; None deletes it."""
        with told_to_adapters():
            if value is None:
                await self._scope.delete(key)
            else:
                await self._scope.set(key, value)

    async def items(self, prefix: str = "") -> Mapping[str, Any]:
        """The values whose keys begin with `prefix`; roles are none of them."""
        with told_to_adapters():
            found = await self._scope.items(prefix)
        return {key: value for key, value in found.items() if not key.startswith(_ROLE)}

    async def hold(self, role: str, *, for_s: float) -> bool:
        """Take a role, or keep it, for some seconds; false while another replica has it."""
        now = self._database.now()

        def taken(held: Held | None) -> Held:
            if (
                held
                and held["owner"] != self._owner
                and datetime.fromisoformat(held["until"]) > now
            ):
                return held
            return {"owner": self._owner, "until": (now + timedelta(seconds=for_s)).isoformat()}

        held = await self._change(role, taken)
        return held is not None and held["owner"] == self._owner

    async def release(self, role: str) -> None:
        """Give a role up, if it is ours."""

        def given_up(held: Held | None) -> Held | None:
            return None if held and held["owner"] == self._owner else held

        await self._change(role, given_up)

    async def _change(self, role: str, change: Callable[[Held | None], Held | None]) -> Held | None:
        with told_to_adapters():
            held: Held | None = await self._scope.update(f"{_ROLE}{role}", change)
        return held


async def give_up_all_roles(database: Database) -> None:
    """Let every role be free, whoever has it: for a start at which nobody else can be alive. Raises
    `StorageError`."""
    await database.write(plugin_values.remove_all, EVERYWHERE, plugins=_PLUGIN, keys=_ROLE)
