"""What an adapter keeps, in memory."""

import json
from collections.abc import Mapping
from typing import Any

from bot.ports import AdapterStore
from bot.vocabulary import Clock, SystemClock


class MemoryValues:
    """The database behind stores in memory: share one among the stores of several replicas."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.roles: dict[str, tuple[str, float]] = {}


class MemoryStore(AdapterStore):
    """Keeps values as long as its `behind` lives."""

    def __init__(
        self,
        *,
        behind: MemoryValues | None = None,
        owner: str = "replica",
        clock: Clock | None = None,
    ) -> None:
        self.behind = behind or MemoryValues()
        self._owner = owner
        self._clock: Clock = clock or SystemClock()

    async def get(self, key: str) -> Any:
        """The value; None if there is none."""
        found = self.behind.values.get(key)
        return None if found is None else json.loads(found)

    async def set(self, key: str, value: Any) -> None:
        """Keep a value; None deletes it."""
        if value is None:
            self.behind.values.pop(key, None)
        else:
            self.behind.values[key] = json.dumps(value)

    async def items(self, prefix: str = "") -> Mapping[str, Any]:
        """The values whose keys begin with `prefix`."""
        values = self.behind.values
        return {key: json.loads(values[key]) for key in sorted(values) if key.startswith(prefix)}

    async def hold(self, role: str, *, for_s: float) -> bool:
        """Take a role, or keep it, for some seconds; false while another replica has it."""
        now = self._clock.now().timestamp()
        owner, until = self.behind.roles.get(role, (self._owner, now))
        if owner != self._owner and until > now:
            return False
        self.behind.roles[role] = (self._owner, now + for_s)
        return True

    async def release(self, role: str) -> None:
        """Give a role up, if it is ours."""
        if self.behind.roles.get(role, ("", 0.0))[0] == self._owner:
            del self.behind.roles[role]
