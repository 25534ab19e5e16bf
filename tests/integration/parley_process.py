"""`parley` as an init system or a shell starts it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp

from tests.support import wait_until
from tests.warm_parley import Running, ends_with_its_block, warm_parley

HOUSE = Path(__file__).parents[2]
PATIENCE_S = 60.0
"""How long a start may take: far longer than it does, as machines are busy."""

LOOK_S = 0.05
"""How often it is looked at, as it needs the processor itself."""

STOP_S = 10.0
"""How long the end may take after SIGTERM."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


class ParleyProcess:
    """A running `parley`, asked over HTTP and by signals."""

    def __init__(self, process: Running, port: int) -> None:
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
            if self._process.ended:
                raise AssertionError(f"it ended: {self.complaints()}")
            got = await self.get(path)
            return got if got[0] == status else None

        found = await wait_until(page, PATIENCE_S, what=f"{path} with {status}", every_s=LOOK_S)
        assert found is not None
        return found[1]

    def terminate(self) -> None:
        """Tell it to stop, as an init system does."""
        self._process.signal(signal.SIGTERM)

    def kill(self) -> None:
        """Give it no chance."""
        self._process.kill()

    async def ended(self, within_s: float = STOP_S) -> int:
        """Its exit status; it must end in time."""
        return await self._process.end(within_s)

    async def tells(self, what: str) -> str:
        """The first line on stderr that contains `what`; it must come in time."""

        def line() -> str | None:
            whole, _, _ = self.complaints().rpartition("\n")
            told = next((each for each in whole.splitlines() if what in each), None)
            if told is None and self._process.ended:
                raise AssertionError(f"it ended without telling {what!r}: {whole}")
            return told

        found = await wait_until(line, PATIENCE_S, what=f"{what!r} on stderr", every_s=LOOK_S)
        assert found is not None
        return found

    def complaints(self) -> str:
        """All it has written to stderr."""
        return self._process.err.read_text()


@asynccontextmanager
async def parley(
    *arguments: str,
    directory: Path,
    port: int = 0,
    environ: Mapping[str, str] = _NOTHING,
    cold: bool = False,
) -> AsyncIterator[ParleyProcess]:
    """Start it in a directory, with nothing set but `environ`; killed at the end if it still runs.

    It has its imports behind it, unless it is `cold`: then it is a new Python.
    """
    path = os.pathsep.join([str(HOUSE), os.environ.get("PYTHONPATH", "")])
    whole = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": path,
        "PYTHONWARNINGS": "error",
        "PARLEY_HTTP": f"127.0.0.1:{port}",
        **environ,
    }
    start = _cold_parley if cold else partial(warm_parley, said=None)
    async with start(*arguments, directory=directory, environ=whole) as process:
        yield ParleyProcess(process, port)


@asynccontextmanager
async def _cold_parley(
    *arguments: str, directory: Path, environ: Mapping[str, str]
) -> AsyncIterator[Running]:
    out, err = directory / "stdout.txt", directory / "stderr.txt"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from bot.cli import main; main()", *arguments),
            cwd=directory,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    status = asyncio.create_task(process.wait())
    async with ends_with_its_block(Running(pid=process.pid, status=status, out=out, err=err)) as it:
        yield it
