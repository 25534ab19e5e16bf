"""A person at a real (pseudo) terminal: the whole program, typed into and read from like a screen."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.claude import SimulatedClaude
from tests.support import wait_until
from tests.warm_parley import Running, warm_parley

PATIENCE_S = 60.0
CTRL_C, CTRL_D = "\x03", "\x04"
PROMPT = "> "
SETTINGS = """\
[engine]
lease_s = 1.0
heartbeat_s = 0.4
poll_s = 0.2
"""


@dataclass
class Terminal:
    """The person's side of a pseudo-terminal, and the program at the other."""

    descriptor: int
    process: Running
    received: bytearray = field(default_factory=bytearray)
    read_to: int = 0

    def receive(self) -> None:
        """Called whenever the program has written."""
        try:
            self.received += os.read(self.descriptor, 65_536)
        except OSError:  # the program has gone
            asyncio.get_running_loop().remove_reader(self.descriptor)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.descriptor, text.encode())

    @property
    def news(self) -> str:
        """What came since the last thing that was seen, without colours and cursor movements."""
        text = self.received.decode(errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)[self.read_to :]

    async def see(self, text: str) -> str:
        """Wait until the text appears; what came before and with it."""
        await wait_until(lambda: text in self.news, PATIENCE_S, what=f"{text!r} on the screen")
        seen = self.news.partition(text)[0] + text
        self.read_to += len(seen)
        return seen

    @property
    def echoes(self) -> bool:
        """Typed characters are shown by the terminal itself, as a shell expects it."""
        return bool(termios.tcgetattr(self.descriptor)[3] & termios.ECHO)

    async def ended(self) -> int:
        """How the program ended."""
        return await self.process.end(PATIENCE_S)


@asynccontextmanager
async def chat(directory: Path, claude: SimulatedClaude) -> AsyncIterator[Terminal]:
    """`parley chat` at a terminal of 80 by 24; killed at the end if it still runs."""
    environ: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "INPUTRC": os.devnull,
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": claude.base_url,
        "DATABASE_URL": f"sqlite:///{directory / 'parley.db'}",
    }
    (directory / "parley.toml").write_text(SETTINGS)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        async with warm_parley(
            "chat", directory=directory, environ=environ, terminal=os.ttyname(theirs)
        ) as process:
            terminal = Terminal(ours, process)
            asyncio.get_running_loop().add_reader(ours, terminal.receive)
            yield terminal
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(theirs)
        os.close(ours)


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    """A simulated Claude."""
    async with SimulatedClaude() as running:
        yield running


async def test_a_conversation_at_a_terminal(tmp_path: Path, claude: SimulatedClaude) -> None:
    """Question, answer, cost, the next prompt; Ctrl-C stops an answer, Ctrl-D ends it all, and the
    terminal is left as it was."""
    claude.script.next("**Paris** is the capital.")
    async with chat(tmp_path, claude) as terminal:
        await terminal.see(PROMPT)
        terminal.type("What is the capital of France?\r")
        answer = await terminal.see(" out · $")
        assert "Paris is the capital." in answer
        assert "tokens in" in answer
        await terminal.see(PROMPT)

        claude.script.next("One two three four five six seven eight nine ten.")
        claude.hold(after_chunks=3)
        terminal.type("Count!\r")
        await terminal.see("One two")
        terminal.type(CTRL_C)
        await terminal.see("Stopped.")
        claude.release()
        await terminal.see(PROMPT)

        terminal.type(CTRL_D)
        assert await terminal.ended() == 0
        assert terminal.echoes


async def test_an_answer_is_seen_after_the_process_was_killed(
    tmp_path: Path, claude: SimulatedClaude
) -> None:
    """The next start shows the question and, once it is complete, its answer; Ctrl-C at the prompt
    ends the program with the terminal as it was."""
    claude.script.always("The whole answer, at last.")
    claude.hold(after_chunks=2)
    async with chat(tmp_path, claude) as terminal:
        await terminal.see(PROMPT)
        terminal.type("Will you survive?\r")
        await terminal.see("The")
        terminal.process.kill()
        await terminal.ended()
    claude.release()
    async with chat(tmp_path, claude) as terminal:
        again = await terminal.see("The whole answer, at last.")
        assert "Will you survive?" in again
        await terminal.see(PROMPT)
        terminal.type(CTRL_C)
        assert await terminal.ended() == 0
        assert terminal.echoes
