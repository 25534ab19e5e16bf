"""Kill the process at any moment, start it again: exactly one complete answer, on both databases."""

import asyncio
import contextlib
import io
import json
import random
from pathlib import Path

import pytest

from adapters.terminal.transcript import Transcript
from bot.cli import invoke
from bot.vocabulary import SystemClock
from sandbox.claude import Pace, SimulatedClaude
from storage import inbox
from storage.database import Database
from tests.support import wait_until
from tests.warm_parley import QUICK_TAKE_OVER, Running, environ_of, warm_parley

QUESTION = "Tell me a story."
ANSWER = " ".join(f"word{number}" for number in range(120))
KILLS = 3
PATIENCE_S = 60.0


async def killed(process: Running, transcript: Path, moment: random.Random) -> str:
    """Kill the process somewhere between its first record and its last; what it had printed."""
    written = records(transcript)
    enough = max(1, written + moment.randint(0, 5))
    await wait_until(
        lambda: records(transcript) >= enough or process.ended,
        PATIENCE_S,
        what=f"{enough} records",
    )
    await asyncio.sleep(moment.uniform(0.0, 0.2))  # the moment itself, not a wait for anything
    process.kill()
    await process.end(PATIENCE_S)
    return process.out.read_text(errors="replace")


def records(transcript: Path) -> int:
    """How many records the transcript has."""
    return transcript.read_bytes().count(b"\n") if transcript.exists() else 0


async def finished(process: Running) -> str:
    """What the process printed until it ended by itself; it must have ended well."""
    assert await process.end(PATIENCE_S) == 0, process.err.read_text()
    return process.out.read_text()


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
    (tmp_path / "parley.toml").write_text(QUICK_TAKE_OVER)
    pace = Pace(first_token_s=0.1, tokens_per_s=300.0)
    async with SimulatedClaude(pace=pace) as claude:
        claude.script.always(ANSWER)
        environ = environ_of(claude.base_url, database_url)
        printed = []
        for number in range(KILLS):
            said = f"{QUESTION}\n" if number == 0 else ""
            async with warm_parley(
                "chat", directory=tmp_path, environ=environ, said=said
            ) as process:
                printed.append(await killed(process, transcript, moment))
        async with warm_parley("chat", directory=tmp_path, environ=environ) as process:
            printed.append(await finished(process))
        monkeypatch.chdir(tmp_path)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        usage = json.loads(await asyncio.to_thread(told_by, "usage", "--json"))
        assert "agrees with itself" in await asyncio.to_thread(told_by, "db", "check")
        requests = len(claude.requests)
    assert await still_waiting(database_url) == 0
    assert visible(transcript) == [QUESTION, ANSWER]
    assert ANSWER in "".join(printed)
    assert usage["turns"] == 1
    assert 1 <= usage["requests"] <= requests or requests == usage["requests"] - 1


async def still_waiting(database_url: str) -> int:
    """How many messages wait to be answered, now that all of them should have been."""
    database = Database(database_url, clock=SystemClock())
    try:
        return (await database.read(inbox.depth)).waiting
    finally:
        await database.close()


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
