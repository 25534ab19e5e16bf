"""What it takes to answer a call: its token, which serves for fifteen minutes, and what comes after it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bot.ports import AdapterStore, IntakeUnavailable, PlatformUnavailable
from bot.vocabulary import Clock, Newest

TOKEN_S: Final = 890.0
"""https://discord.com/developers/docs/interactions/receiving-and-responding: 15 minutes, less some."""
KEPT_FOR: Final = timedelta(days=3)
MAX_KNOWN: Final = 2_000
AGAIN_S: Final = 1.0
_KEY: Final = "call "


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A command that was called. Once its answers went to an ordinary channel, `moved_to` is that one."""

    token: str
    application_id: str
    channel_id: str
    person_id: str
    private: bool
    called_at: datetime
    moved_to: str | None = None

    def over(self, now: datetime) -> bool:
        """Its token serves no more."""
        return (now - self.called_at).total_seconds() > TOKEN_S


class Calls:
    """Remembers calls, so that any replica can answer them, after a restart too."""

    def __init__(self, *, store: AdapterStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known = Newest[str, Call](MAX_KNOWN)
        self._acknowledging: dict[str, asyncio.Task[None]] = {}

    async def keep(
        self, interaction_id: str, call: Call, acknowledging: "asyncio.Task[None]"
    ) -> None:
        """Make a call durable, however long that takes; it can be answered once it is acknowledged."""
        self._acknowledging[interaction_id] = acknowledging
        acknowledging.add_done_callback(lambda _: self._acknowledging.pop(interaction_id, None))
        self._known[interaction_id] = call
        while True:
            try:
                return await self._store.set(f"{_KEY}{interaction_id}", _to_json(call))
            except IntakeUnavailable:
                await self._clock.sleep(AGAIN_S)

    async def get(self, interaction_id: str) -> Call | None:
        """The call, once it is acknowledged. Raises `PlatformUnavailable` while that can't be known."""
        acknowledging = self._acknowledging.get(interaction_id)
        if acknowledging is not None:
            await asyncio.wait({acknowledging})
        found = self._known.get(interaction_id)
        if found is not None:
            return found
        try:
            kept = await self._store.get(f"{_KEY}{interaction_id}")
        except IntakeUnavailable as error:
            raise PlatformUnavailable(str(error)) from error
        if kept is None:
            return None
        call = _from_json(kept)
        self._known[interaction_id] = call
        return call

    async def moved(self, interaction_id: str, call: Call, channel_id: str) -> Call:
        """From now on it is answered in an ordinary channel."""
        moved = replace(call, moved_to=channel_id)
        self._known[interaction_id] = moved
        try:
            await self._store.set(f"{_KEY}{interaction_id}", _to_json(moved))
        except IntakeUnavailable as error:
            raise PlatformUnavailable(str(error)) from error
        return moved

    async def forget_old(self) -> None:
        """Drop calls that nobody will answer any more. Raises `IntakeUnavailable`."""
        oldest = self._clock.now() - KEPT_FOR
        for key, kept in (await self._store.items(_KEY)).items():
            if datetime.fromisoformat(kept["called_at"]) < oldest:
                await self._store.set(key, None)


def _to_json(call: Call) -> dict[str, Any]:
    return {
        "token": call.token,
        "application_id": call.application_id,
        "channel_id": call.channel_id,
        "person_id": call.person_id,
        "private": call.private,
        "called_at": call.called_at.isoformat(),
        "moved_to": call.moved_to,
    }


def _from_json(kept: dict[str, Any]) -> Call:
    return Call(**{**kept, "called_at": datetime.fromisoformat(kept["called_at"])})
