"""The command line in processes of their own that need not import it first.

A test that kills the service many times would spend most of its time on imports. Here each process is
forked from one that has imported everything already; from there on it is as any other: its own directory,
environment and standard streams, and `SIGKILL` ends it just as suddenly.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "adapters.discord",
        "adapters.slack",
        "adapters.terminal",
        "aiosqlite",
        "alembic.command",
        "anthropic.resources.messages",
        "asyncpg",
        "bot.app",
        "bot.cli.batch",
        "bot.cli.chat",
        "bot.cli.talking",
        "plugins.core",
        "plugins.extract",
        "plugins.remind",
        "rich.markdown",
        "sqlalchemy.dialects.postgresql",
        "sqlalchemy.dialects.sqlite",
        "storage.migrations",
        "tests.warm_parley",
    ]
)


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


@dataclass(frozen=True, slots=True)
class WarmParley:
    """A process of the command line."""

    process: ForkServerProcess
    out: Path
    err: Path

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self.process.exitcode is not None

    def kill(self) -> None:
        """Take the process away, without a word; fine if it has ended."""
        if not self.ended and self.process.pid is not None:
            os.kill(self.process.pid, signal.SIGKILL)

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal."""
        if self.process.pid is not None:
            os.kill(self.process.pid, which)

    async def end(self, timeout_s: float) -> int:
        """Its exit status, once it has ended.

        Raises:
            TimeoutError: it has not.
        """
        await asyncio.to_thread(self.process.join, timeout_s)
        if self.process.exitcode is None:
            raise TimeoutError
        return self.process.exitcode


@asynccontextmanager
async def warm_parley(
    *arguments: str, directory: Path, environ: Mapping[str, str], said: str = ""
) -> AsyncIterator[WarmParley]:
    """A process of the command line that has been told `said`, and nothing more; it ends with the block.

    What it prints is in files in `directory`, which one process at a time may use.
    """
    streams = [directory / name for name in ("stdin.txt", "stdout.txt", "stderr.txt")]
    for stream in streams:
        stream.write_text(said if stream.name == "stdin.txt" else "")
    process = _FORKS.Process(target=_act, args=(arguments, directory, dict(environ), streams))
    await asyncio.to_thread(process.start)
    running = WarmParley(process=process, out=streams[1], err=streams[2])
    try:
        yield running
    finally:
        running.kill()
        await asyncio.to_thread(process.join)
        process.close()


def _act(
    arguments: tuple[str, ...], directory: Path, environ: dict[str, str], streams: list[Path]
) -> None:
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    for descriptor, stream in enumerate(streams):
        opened = os.open(stream, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    sys.argv = ["parley", *arguments]
    warnings.simplefilter("error")
    from bot.cli import main

    main()
