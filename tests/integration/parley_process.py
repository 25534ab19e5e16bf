"""`parley` as a process of its own, as an init system or a shell starts it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp

from tests.support import wait_until

HOUSE = Path(__file__).parents[2]
PATIENCE_S = 60.0
"""How long a start may take: far longer than it does, as machines are busy."""

_NOTHING: Mapping[str, str] = MappingProxyType({})
STOP_S = 10.0
"""How long the end may take after SIGTERM."""


class ParleyProcess:
    """A running `parley`, asked over HTTP and by signals."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self._url = f"http://127.0.0.1:{port}"

    async def get(self, path: str) -> tuple[int, Any]:
        """The status and the JSON of a page; status 0 while nobody listens."""
        try:
            async with aiohttp.ClientSession() as http, http.get(self._url + path) as page:
                return page.status, await page.json()
        except aiohttp.ClientConnectionError:
            return 0, None

    async def answers(self, path: str, status: int) -> Any:
        """Return the page's JSON once it answers with this status."""

        async def page() -> tuple[int, Any] | None:
            if self._process.returncode is not None:
                raise AssertionError(f"it ended: {await self.complaints()}")
            got = await self.get(path)
            return got if got[0] == status else None

        found = await wait_until(page, PATIENCE_S, what=f"{path} with {status}")
        assert found is not None
        return found[1]

    def terminate(self) -> None:
        """Tell it to stop, as an init system does."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Give it no chance."""
        self._process.kill()

    async def ended(self, within_s: float = STOP_S) -> int:
        """Its exit status; it must end in time."""
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def printed(self) -> str:
        """All it wrote to stdout, once it has ended by itself."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await self._process.stdout.read()).decode()

    async def tells(self, what: str) -> str:
        """The first line on stderr that contains `what`; it must come in time."""
        assert self._process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self._process.stderr.readline()).decode():
                if what in line:
                    return line
        raise AssertionError(f"it ended without telling {what!r}")

    async def complaints(self) -> str:
        """All it wrote to stderr, once it has ended."""
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def parley(
    *arguments: str, directory: Path, port: int = 0, environ: Mapping[str, str] = _NOTHING
) -> AsyncIterator[ParleyProcess]:
    """Start it in a directory, with nothing set but `environ`; killed at the end if it still runs."""
    path = os.pathsep.join([str(HOUSE), os.environ.get("PYTHONPATH", "")])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from bot.cli import main; main()", *arguments),
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": path,
            "PYTHONWARNINGS": "error",
            "PARLEY_HTTP": f"127.0.0.1:{port}",
            **environ,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield ParleyProcess(process, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
