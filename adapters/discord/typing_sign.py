"""The typing sign: it lasts ten seconds, so it is renewed until there is something to read."""

import asyncio
from typing import Final

from adapters.discord.pacing import Urgency
from adapters.discord.rest import Rest
from bot.ports import PlatformBusy, PlatformError
from bot.vocabulary import Clock

RENEWED_S: Final = 8.0
"""https://discord.com/developers/docs/resources/channel#trigger-typing-indicator"""
LONGEST_S: Final = 600.0


class TypingSigns:
    """Keeps the signs of the threads in which the bot is at work."""

    def __init__(self, *, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock
        self._kept: dict[str, asyncio.Task[None]] = {}

    async def show(self, key: str, channel_id: str) -> None:
        """Show the sign, and keep it until `end`. Where it must give way, it comes later or never.

        Raises:
            PlatformError: it can't be shown.
        """
        self.end(key)
        shown = await self._show(channel_id)
        task = asyncio.create_task(self._keep(channel_id, soon=not shown), name=f"typing {key}")
        self._kept[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def end(self, key: str) -> None:
        """Renew it no more; Discord takes it away when a message comes, or after a moment."""
        task = self._kept.pop(key, None)
        if task is not None:
            task.cancel()

    async def aclose(self) -> None:
        """Renew none any more."""
        tasks = [*self._kept.values()]
        for key in list(self._kept):
            self.end(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, channel_id: str, *, soon: bool) -> None:
        until = self._clock.monotonic() + LONGEST_S
        pause_s = 1.0 if soon else RENEWED_S
        while self._clock.monotonic() < until:
            await self._clock.sleep(pause_s)
            try:
                pause_s = RENEWED_S if await self._show(channel_id) else 1.0
            except PlatformError:
                return  # the text will tell what is wrong

    async def _show(self, channel_id: str) -> bool:
        try:
            await self._rest.ask(
                "POST",
                "/channels/{channel_id}/typing",
                urgency=Urgency.SIGN,
                channel_id=channel_id,
            )
        except PlatformBusy:
            return False
        return True

    def _ended(self, key: str, task: "asyncio.Task[None]") -> None:
        if self._kept.get(key) is task:
            del self._kept[key]
