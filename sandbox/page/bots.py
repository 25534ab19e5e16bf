"""The bot as processes of its own, so that it can be killed, doubled, and moved in time."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from bot.vocabulary import Clock

START_S: Final = 30.0
STOP_S: Final = 10.0
LAST_WORDS: Final = 5
MAX_REPLICAS: Final = 2
ANY_PORT: Final = "127.0.0.1:0"
AHEAD_OPTION: Final = "--ahead-s"


class BotFailed(RuntimeError):
    """The bot did not start; the message is what it said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCommand:
    """How a bot is started: its command line, its environment, and where what it logs goes.

    It prints its web address on a line once it serves and hears what is said, ends when its standard input
    does, and takes `--ahead-s SECONDS`: how far its clock is ahead.
    """

    arguments: Sequence[str]
    environ: Mapping[str, str]
    log: Path


class Bot:
    """One replica of it."""

    def __init__(self, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self._process = process
        self._log = log
        self.url = ""
        """Its web pages, once it serves."""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self._process.returncode is None

    async def told_address(self) -> bool:
        """Wait for its address; false if it ended instead, or took too long."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            return False
        self.url = line.decode().strip()
        return bool(self.url)

    async def end(self, by: signal.Signals) -> None:
        """Send a signal and wait for the end; one that does not come by itself is made."""
        if self.running:
            self._process.send_signal(by)
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._log.close()


class Bots:
    """The replicas that run now; they share one database."""

    def __init__(self, *, command: BotCommand, clock: Clock) -> None:
        self._command = command
        self._clock = clock
        self._bots: list[Bot] = []
        self._changing = asyncio.Lock()
        self._ahead = timedelta()

    @property
    def url(self) -> str | None:
        """The web pages of one that runs; None while none does."""
        return next((bot.url for bot in self._bots if bot.running), None)

    def now(self) -> datetime:
        """The time by the bots' clock."""
        return self._clock.now() + self._ahead

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "replicas": [
                {"pid": bot.pid, "url": bot.url, "running": bot.running} for bot in self._bots
            ],
            "busy": self._changing.locked(),
            "now": self.now().isoformat(),
            "ahead_s": self._ahead.total_seconds(),
        }

    async def start(self) -> None:
        """Start one. Raises `BotFailed`."""
        async with self._changing:
            await self._add()

    async def kill(self, *, restart_after_s: float) -> None:
        """SIGKILL to all, and one new one a moment later. Raises `BotFailed`."""
        async with self._changing:
            await self._end_all(signal.SIGKILL)
            await self._clock.sleep(restart_after_s)
            await self._add()

    async def kill_one(self) -> None:
        """SIGKILL to the first of several: the others go on alone."""
        async with self._changing:
            await self._forget_ended()
            if len(self._bots) > 1:
                await self._bots.pop(0).end(signal.SIGKILL)

    async def set_replicas(self, count: int) -> None:
        """Have so many running. Raises `BotFailed`, and ValueError if that is too many."""
        if not 1 <= count <= MAX_REPLICAS:
            raise ValueError(f"between 1 and {MAX_REPLICAS} replicas")
        async with self._changing:
            await self._forget_ended()
            while len(self._bots) > count:
                await self._bots.pop().end(signal.SIGTERM)
            while len(self._bots) < count:
                await self._add()

    async def move_clock(self, to: datetime) -> None:
        """Let it be that time for the bot: it ends in order, and starts again then.

        Raises:
            ValueError: that time is over; what has happened can't be undone by a clock.
            BotFailed: it did not start again.
        """
        if to <= self.now():
            raise ValueError("the clock can only be moved forward")
        async with self._changing:
            count = len(self._bots)
            await self._end_all(signal.SIGTERM)
            self._ahead = to - self._clock.now()
            for _ in range(count):
                await self._add()

    async def stop(self) -> None:
        """End all in order."""
        async with self._changing:
            await self._end_all(signal.SIGTERM)

    async def _forget_ended(self) -> None:
        """Those that somebody else ended count no more."""
        ended = [bot for bot in self._bots if not bot.running]
        self._bots = [bot for bot in self._bots if bot.running]
        await asyncio.gather(*(bot.end(signal.SIGKILL) for bot in ended))

    async def _end_all(self, by: signal.Signals) -> None:
        bots, self._bots = self._bots, []
        await asyncio.gather(*(bot.end(by) for bot in bots))

    async def _add(self) -> None:
        command = self._command
        environ = dict(command.environ)
        if self._bots:
            environ["PARLEY_HTTP"] = ANY_PORT  # the first one has the address that was asked for
        log = await asyncio.to_thread(_opened, command.log)
        process = await asyncio.create_subprocess_exec(
            *command.arguments,
            *(AHEAD_OPTION, str(self._ahead.total_seconds())),
            env=environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is for the conversation there
        )
        bot = Bot(process, log)
        try:
            if not await bot.told_address():
                raise BotFailed(await asyncio.to_thread(_last_words, command.log))
        except BaseException:
            await bot.end(signal.SIGKILL)
            raise
        self._bots.append(bot)


def _opened(log: Path) -> IO[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line for line in lines if line.startswith("Error: ")]
    said = told[-1].removeprefix("Error: ") if told else os.linesep.join(lines[-LAST_WORDS:])
    return said or "it ended without a word"
