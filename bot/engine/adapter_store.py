"""What adapters keep from one start to the next, in the database."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from bot.host.stores import EVERYWHERE, DatabaseScope
from bot.ports import AdapterStore, IntakeUnavailable
from storage import plugin_values
from storage.database import Database
from storage.errors import StorageUnavailable

_ROLE: Final = "role "


class DatabaseAdapterStore(AdapterStore):
    """One adapter's values, kept like a plugin's. Roles are held by the database's time.

    `owner` is this replica's name, which no other has.
    """

    def __init__(self, *, database: Database, platform: str, owner: str) -> None:
        self._database = database
        self._plugin = f"adapter:{platform}"  # no plugin can be named so
        self._scope = DatabaseScope(database=database, plugin=self._plugin, scope=EVERYWHERE)
        self._owner = owner

    async def get(self, key: str) -> Any:
        """The value; None if there is none."""
        with _translated():
            return await self._scope.get(key)

    async def set(self, key: str, value: Any) -> None:
        """Keep a value; None deletes it."""
        with _translated():
            if value is None:
                await self._scope.delete(key)
            else:
                await self._scope.set(key, value)

    async def items(self, prefix: str = "") -> Mapping[str, Any]:
        """The values whose keys begin with `prefix`; roles are none of them."""
        with _translated():
            found = await self._scope.items(prefix)
        return {key: value for key, value in found.items() if not key.startswith(_ROLE)}

    async def hold(self, role: str, *, for_s: float) -> bool:
        """Take a role, or keep it, for some seconds; false while another replica has it."""
        now = self._database.now()

        def taken(held: dict[str, str] | None) -> dict[str, str]:
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

        def given_up(held: dict[str, str] | None) -> dict[str, str] | None:
            return None if held and held["owner"] == self._owner else held

        await self._change(role, given_up)

    async def _change(self, role: str, change: Any) -> dict[str, str] | None:
        with _translated():
            held: dict[str, str] | None = await self._database.write(
                plugin_values.change,
                self._plugin,
                EVERYWHERE,
                f"{_ROLE}{role}",
                change,
                now=self._database.now(),
            )
        return held


class _translated:  # noqa: N801 - reads as a word in `with _translated():`
    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, StorageUnavailable):
            raise IntakeUnavailable(str(error)) from error
