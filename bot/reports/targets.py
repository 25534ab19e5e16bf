"""From what an operator wrote, `platform:id` or `platform:workspace:id`, to a channel."""

import asyncio
from collections.abc import Mapping

from bot.ports import Adapter, PlatformError
from bot.vocabulary import Channel

FIND_S = 15.0


class Unreachable(Exception):
    """There is no such channel, or it can't be asked for now; the message says why."""


class Targets:
    """Finds the channels that settings name."""

    def __init__(self, adapters: Mapping[str, Adapter]) -> None:
        self._adapters = adapters

    async def channel(self, target: str) -> Channel:
        """The channel, or the direct conversation with the person of that id. Raises `Unreachable`."""
        platform, _, rest = target.partition(":")
        workspace, _, channel_id = rest.rpartition(":")
        adapter = self._adapters.get(platform)
        if adapter is None:
            raise Unreachable(f"{target}: {platform} is not connected here; set its tokens")
        try:
            async with asyncio.timeout(FIND_S):
                channel = await adapter.find_channel(channel_id)
        except TimeoutError:
            raise Unreachable(f"{target}: {platform} did not answer in {FIND_S:g} s") from None
        except PlatformError as error:
            raise Unreachable(f"{target}: {error}") from error
        if workspace and channel.workspace != workspace:
            raise Unreachable(f"{target}: the channel is in workspace {channel.workspace}")
        return channel
