"""The SDK's client, made when it is first needed."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import anthropic


class Connection:
    """Holds the SDK's client. Importing the SDK takes longer than all the rest of a start, so that waits
    until somebody asks, or until `warm` does it beside other work."""

    def __init__(self, make: "Callable[[], anthropic.AsyncAnthropic]") -> None:
        self._make = make
        self._sdk: anthropic.AsyncAnthropic | None = None
        self._making = asyncio.Lock()

    @property
    def sdk(self) -> "anthropic.AsyncAnthropic":
        """The client; the first call makes it, and may take a second or two."""
        if self._sdk is None:
            self._sdk = self._make()
        return self._sdk

    async def warm(self) -> None:
        """Return once the client is made; a thread does that, so that nothing else waits for it."""
        async with self._making:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(self._make)

    async def aclose(self) -> None:
        """Close the client, if there ever was one."""
        if self._sdk is not None:
            await self._sdk.close()
