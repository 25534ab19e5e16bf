"""Small things that an adapter keeps for a while, for itself and for other replicas."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from bot.ports import AdapterStore, IntakeUnavailable, PlatformUnavailable
from bot.vocabulary import Clock

_AT: Final = "at"


class Keepsakes:
    """Values of one kind by key, each with the time it was kept at."""

    def __init__(self, kind: str, *, store: AdapterStore, clock: Clock, age: timedelta) -> None:
        self._kind = kind
        self._store = store
        self._clock = clock
        self._age = age

    async def keep(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep a value. Raises `PlatformUnavailable` while that can't be done."""
        dated = {**value, _AT: self._clock.now().isoformat()}
        try:
            await self._store.set(self._named(key), dated)
        except IntakeUnavailable as error:
            raise PlatformUnavailable(f"nothing can be kept: {error}") from error

    async def recall(self, key: str) -> Mapping[str, Any] | None:
        """The value; None if there is none, or it is too old. Raises `PlatformUnavailable`."""
        try:
            kept = await self._store.get(self._named(key))
        except IntakeUnavailable as error:
            raise PlatformUnavailable(f"nothing can be recalled: {error}") from error
        return kept if isinstance(kept, Mapping) and not self._too_old(kept) else None

    async def forget(self, key: str) -> None:
        """Drop a value; what can't be dropped now is dropped when it is too old."""
        try:
            await self._store.set(self._named(key), None)
        except IntakeUnavailable:
            return

    async def tidy(self) -> None:
        """Drop what is too old. Raises `IntakeUnavailable`."""
        for key, kept in (await self._store.items(f"{self._kind} ")).items():
            if not isinstance(kept, Mapping) or self._too_old(kept):
                await self._store.set(key, None)

    def _too_old(self, kept: Mapping[str, Any]) -> bool:
        return datetime.fromisoformat(kept[_AT]) + self._age < self._clock.now()

    def _named(self, key: str) -> str:
        return f"{self._kind} {key}"
