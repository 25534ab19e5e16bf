"""The terminal keeps the adapters' contract, watched by a person and in a pipe."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from adapters.memory import MemoryIntake
from adapters.terminal import TerminalAdapter
from adapters.terminal.lines import PipedLines, ThreadedLines
from adapters.terminal.rich_view import RichView
from adapters.terminal.transcript import Transcript
from adapters.terminal.view import PlainView, View
from bot.vocabulary import SystemClock, Thread
from tests.contract.adapter_contract import AdapterContract, AdapterHarness, Failure, Seen
from tests.support import wait_until

FULL_DISK = Path("/dev/full")


class TranscriptOnFullDisk(Transcript):
    """A transcript whose next records meet a full disk."""

    full_for = 0

    def _append(self, record: Mapping[str, Any]) -> None:
        if not self.full_for:
            return super()._append(record)
        self.full_for -= 1
        with FULL_DISK.open("wb", buffering=0) as full:
            real, self._file = self._file, full.fileno()
            try:
                return super()._append(record)
            finally:
                self._file = real


def rich_view(output: io.StringIO) -> View:
    """What a person sees."""
    return RichView(console=Console(file=output, force_terminal=True, width=80, height=24))


def plain_view(output: io.StringIO) -> View:
    """What a pipe gets."""
    return PlainView(stream=output)


class TerminalHarness(AdapterHarness):
    """A person at one end of a pipe."""

    hostile = (
        "\x1b]0;owned\x07",
        "\x1b[2J\x1b[1;1Hgone",
        "\x9b2Jgone",
        "a\rb",
        "back\b\b\b\bspace",
    )

    def __init__(self, directory: Path, make_view: Callable[[io.StringIO], View]) -> None:
        self.intake = MemoryIntake()
        self.output = io.StringIO()
        self._path = directory / "terminal.jsonl"
        self._make_view = make_view
        self._descriptors: list[int] = []

    async def start(self) -> None:
        """A new process begins."""
        reading, self._typing = os.pipe()
        self._descriptors.append(reading)
        self.transcript = TranscriptOnFullDisk(path=self._path, clock=SystemClock())
        self._adapter = TerminalAdapter(
            transcript=self.transcript,
            view=self._make_view(self.output),
            lines=ThreadedLines(PipedLines(descriptor=reading)),
            clock=SystemClock(),
            max_chars=300,
        )
        self._running = asyncio.create_task(self._adapter.run(self.intake))
        await wait_until(lambda: self._adapter.ready)

    @property
    def adapter(self) -> TerminalAdapter:
        return self._adapter

    @property
    def thread(self) -> Thread:
        return self._adapter.thread

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        if self.transcript.is_open:
            self._running.cancel()
            await asyncio.wait({self._running})
            os.close(self._typing)
            await self._adapter.aclose()

    async def say(self, text: str) -> None:
        """Type a line; without a process, one that a killed process had only just written down."""
        if self.transcript.is_open:
            await self._adapter.show_status(
                self.thread, None
            )  # the line before has come to its end
            os.write(self._typing, f"{text}\n".encode())
            return
        transcript = Transcript(path=self._path, clock=SystemClock())
        transcript.open()
        transcript.settle(self.thread.id)
        transcript.say(self.thread.id, text)
        transcript.close()

    async def say_again(self) -> None:
        """A process that starts hands in what is owed."""
        await self.restart()

    def seen(self) -> list[Seen]:
        """The replay of the file, as a new process would read it."""
        entries = (entry for entry in self.transcript.entries if entry.mark is not None)
        return [Seen(entry.id, entry.text) for entry in entries]

    async def remove(self, message_id: str) -> None:
        self.transcript.delete(message_id)

    def can_fail(self, verb: str, failure: Failure) -> bool:
        """A disk can be full; it is never busy, nor does it forget to answer."""
        return failure is Failure.AWAY and verb != "find" and FULL_DISK.exists()

    def fail(self, verb: str, failure: Failure) -> None:
        self.transcript.full_for = 1

    def close_thread(self) -> bool:
        return False

    def harm_done(self) -> list[str]:
        """Sequences that came through, and characters that move the cursor unseen."""
        output = self.output.getvalue()
        return [
            each for each in ("\x1b]0", "\x1b[2J", "\x9b", "\x07", "\b", "a\rb") if each in output
        ]

    async def close(self) -> None:
        """The person goes."""
        await self.stop()
        for descriptor in self._descriptors:
            os.close(descriptor)


class TestTerminalAdapter(AdapterContract):
    """With the view for a person and with the plain one."""

    @pytest.fixture(params=[rich_view, plain_view])
    async def harness(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> AsyncIterator[TerminalHarness]:
        """A terminal."""
        harness = TerminalHarness(tmp_path, request.param)
        await harness.start()
        yield harness
        await harness.close()
