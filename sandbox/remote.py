"""A simulator in another process: control over HTTP, and the process itself."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import aiohttp

from sandbox.serving import Startable

_START_S = 20.0
_STOP_S = 5.0


class RemoteSimulator(Startable):
    """Speaks to the `/_control` of a simulator: `async with` it.

    A refusal there is `{"error": {"message": …}}`, with status 408 where something did not come about.
    """

    service: ClassVar[str]
    """What messages call the simulator, such as "Claude"."""

    def __init__(self, base_url: str = "") -> None:
        self.base_url = base_url
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open a connection to it."""
        self._session = aiohttp.ClientSession()

    async def stop(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    async def _call(self, method: str, path: str, body: object | None = None) -> Any:
        if self._session is None:
            raise RuntimeError(f"use {type(self).__name__} with `async with`")
        address = f"{self.base_url}/_control/{path}"
        async with self._session.request(method, address, json=body) as response:
            answer = await response.json()
            if response.status == 408:
                raise TimeoutError(answer["error"]["message"])
            if response.status != 200:
                raise RuntimeError(
                    f"the simulated {self.service} refused {path}: {answer['error']['message']}"
                )
            return answer


class SimulatorProcess(RemoteSimulator):
    """A simulator started as a process of its own, `python -m module`, which prints its address.

    It outlives what is killed around it, and its work does not count as the bot's.
    """

    module: ClassVar[str]

    def __init__(self, *, port: int = 0, options: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._arguments = (*options, "--port", str(port))
        self._process: asyncio.subprocess.Process | None = None

    def command(self) -> Sequence[str]:
        """What it is started by, before its options; a subclass may know another way."""
        return (sys.executable, "-m", self.module)

    async def start(self) -> None:
        """Start the process. Raises `RuntimeError` if it does not start."""
        self._process = await asyncio.create_subprocess_exec(
            *self.command(), *self._arguments, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_S):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"the simulated {self.service} did not start; its messages are above"
            )
        self.base_url = line.decode().strip()
        await super().start()

    async def stop(self) -> None:
        """End the process."""
        await super().stop()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
