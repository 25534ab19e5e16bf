"""The command line in processes of their own that need not import it first.

A test that kills the service many times would spend most of its time on imports. Here each process is
forked from one that has imported everything already; from there on it is as any other: its own directory,
environment and standard streams, and `SIGKILL` ends it just as suddenly.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.forking import stand_in
from tests.forking.address import fork_server
from tests.forking.order import Order
from tests.forking.programs import COMMAND_LINE

QUICK_TAKE_OVER = """\
[engine]
lease_s = 1.0
heartbeat_s = 0.4
poll_s = 0.2
[cache]
answers = false
"""
"""The settings of a service that is killed: the next one goes on after a second."""


def environ_of(claude_url: str, database_url: str, **more: str) -> Mapping[str, str]:
    """What an operator would set, and nothing that this machine happens to have."""
    return {
        "PATH": os.environ["PATH"],
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": claude_url,
        "DATABASE_URL": database_url,
        **more,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process of the command line."""

    pid: int
    status: asyncio.Future[int]
    out: Path
    err: Path

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self.status.done()

    def kill(self) -> None:
        """Take the process away, without a word; fine if it has ended."""
        self.signal(signal.SIGKILL)

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal; fine if it has ended."""
        if not self.ended:
            with suppress(ProcessLookupError):
                os.kill(self.pid, which)

    async def end(self, timeout_s: float) -> int:
        """Its exit status, once it has ended.

        Raises:
            TimeoutError: it has not.
        """
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(self.status)


@asynccontextmanager
async def warm_parley(
    *arguments: str,
    directory: Path,
    environ: Mapping[str, str],
    said: str | None = "",
    terminal: str | None = None,
    program: str = COMMAND_LINE,
) -> AsyncIterator[Running]:
    """A process of the command line that has been told `said`, and nothing more; with None nobody
    could tell it anything, as it is with a service. It ends with the block.

    What it prints is in files in `directory`, which one process at a time may use; or it has a `terminal`
    for its own, as a shell gives it, so that Ctrl-C arrives as a signal. It may be another `program`.
    """
    streams = [directory / name for name in ("stdin.txt", "stdout.txt", "stderr.txt")]
    for stream in streams:
        stream.write_text((said or "") if stream is streams[0] else "")
    if said is None:
        streams[0] = Path(os.devnull)
    order = Order(
        arguments=arguments,
        directory=str(directory),
        environ=dict(environ),
        streams=[str(stream) for stream in streams],
        terminal=terminal,
    )
    address = await asyncio.to_thread(fork_server, program)
    told, telling = await asyncio.open_unix_connection(address)
    telling.write(order.to_line())
    pid = int(await told.readline())
    status = asyncio.create_task(_number(told))
    try:
        async with ends_with_its_block(
            Running(pid=pid, status=status, out=streams[1], err=streams[2])
        ) as running:
            yield running
    finally:
        telling.close()
        await telling.wait_closed()


@asynccontextmanager
async def ends_with_its_block(running: Running) -> AsyncIterator[Running]:
    """Kill the process at the end if it still runs."""
    try:
        yield running
    finally:
        running.kill()
        await running.status


def forked_command(program: str, *arguments: str) -> tuple[str, ...]:
    """A command that runs as such a process, for whoever can only start commands."""
    return (*stand_in.command(str(fork_server(program))), *arguments)


async def _number(told: asyncio.StreamReader) -> int:
    return int(await told.readline())
