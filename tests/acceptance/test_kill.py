"""Kill the process at any moment, start it again: exactly one complete answer, on both databases."""

import asyncio
import contextlib
import io
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.terminal.transcript import Transcript
from bot.cli import invoke
from bot.vocabulary import SystemClock
from sandbox.claude import Pace, SimulatedClaude
from tests.support import wait_until

PARLEY = (sys.executable, "-c", "from bot.cli import main; main()")
QUESTION = "Tell me a story."
ANSWER = " ".join(f"word{number}" for number in range(120))
KILLS = 3
PATIENCE_S = 60.0

SETTINGS = """\
[engine]
lease_s = 1.0
heartbeat_s = 0.4
poll_s = 0.2
[cache]
answers = false
"""


def environment(database_url: str, claude: SimulatedClaude) -> Mapping[str, str]:
    """What a person would set, and nothing that this machine happens to have."""
    return {
        "PATH": os.environ["PATH"],
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": claude.base_url,
        "DATABASE_URL": database_url,
        "PYTHONWARNINGS": "error",
    }


@asynccontextmanager
async def parley(
    *arguments: str, directory: Path, environ: Mapping[str, str], said: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the command line that has been told `said`, and nothing more."""
    process = await asyncio.create_subprocess_exec(
        *PARLEY,
        *arguments,
        cwd=directory,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(said.encode())
    process.stdin.close()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def killed(
    process: asyncio.subprocess.Process, transcript: Path, moment: random.Random
) -> str:
    """Kill the process somewhere between its first record and its last; what it had printed."""
    written = records(transcript)
    enough = max(1, written + moment.randint(0, 5))
    await wait_until(
        lambda: records(transcript) >= enough or process.returncode is not None,
        PATIENCE_S,
        what=f"{enough} records",
    )
    await asyncio.sleep(moment.uniform(0.0, 0.2))  # the moment itself, not a wait for anything
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    printed, _ = await process.communicate()
    return printed.decode()


def records(transcript: Path) -> int:
    """How many records the transcript has."""
    return transcript.read_bytes().count(b"\n") if transcript.exists() else 0


async def finished(process: asyncio.subprocess.Process) -> str:
    """What the process printed until it ended by itself; it must have ended well."""
    async with asyncio.timeout(PATIENCE_S):
        printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_killed_process_leaves_exactly_one_complete_answer(
    database_url: str, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the moments of three kills, the person sees one whole answer, and the books are closed."""
    moment = random.Random(seed * 7919)  # noqa: S311 - not for secrets
    transcript = tmp_path / "terminal.jsonl"
    if database_url.startswith("sqlite"):
        database_url = f"sqlite:///{tmp_path / 'parley.db'}"
    else:
        transcript = tmp_path / "data" / "terminal.jsonl"
    (tmp_path / "parley.toml").write_text(SETTINGS)
    pace = Pace(first_token_s=0.1, tokens_per_s=300.0)
    async with SimulatedClaude(pace=pace) as claude:
        claude.script.always(ANSWER)
        environ = environment(database_url, claude)
        printed = []
        for number in range(KILLS):
            said = f"{QUESTION}\n" if number == 0 else ""
            async with parley("chat", directory=tmp_path, environ=environ, said=said) as process:
                printed.append(await killed(process, transcript, moment))
        async with parley("chat", directory=tmp_path, environ=environ) as process:
            printed.append(await finished(process))
        monkeypatch.chdir(tmp_path)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        usage = json.loads(await asyncio.to_thread(told_by, "usage", "--json"))
        assert "agrees with itself" in await asyncio.to_thread(told_by, "db", "check")
        requests = len(claude.requests)
    assert visible(transcript) == [QUESTION, ANSWER]
    assert ANSWER in "".join(printed)
    assert usage["turns"] == 1
    assert 1 <= usage["requests"] <= requests or requests == usage["requests"] - 1


def told_by(*arguments: str) -> str:
    """What a command prints that is run here, which is quicker than in a process of its own."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert invoke(arguments) == 0
    return printed.getvalue()


def visible(path: Path) -> list[str]:
    """What stands in the conversation, from top to bottom, if the transcript is replayed."""
    transcript = Transcript(path=path, clock=SystemClock())
    transcript.open()
    try:
        return [entry.text for entry in transcript.entries]
    finally:
        transcript.close()
