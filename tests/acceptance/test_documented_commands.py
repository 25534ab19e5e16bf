"""Every command in the README and in the documents does what a reader is told."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from sandbox.claude import SimulatedClaude
from sandbox.discord import SimulatedDiscord
from sandbox.slack import SimulatedSlack
from tests.forking.programs import COMMAND_LINE
from tests.support import wait_until
from tests.warm_parley import forked_command, warm_parley

HOUSE = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in [HOUSE / "README.md", *(HOUSE / "docs").glob("*.md")]
    if re.search(r"^```sh$", path.read_text(), re.MULTILINE)
)
PATIENCE_S = 90.0

FILES = {
    "sentences.txt": "Guten Tag.\nBonjour.\n",
    "letters.csv": "name,date,text\nAda,2026-11-01,Hello\n",
    "items.jsonl": '{"text": "one"}\n',
    "prompt.txt": "Sum up {text}.\n",
    "usage.json": '{"data": [], "has_more": false, "next_page": null}',
    "cost.json": '{"data": [], "has_more": false, "next_page": null}',
    "parley.toml": """
[[budgets]]
scope = "channel"
period = "month"
limit_usd = 50
[[budgets]]
scope = "global"
period = "day"
limit_usd = 20
[[reports]]
name = "weekly"
to = ["slack:C0SANDBOX1"]
""",
}
"""What a reader would have."""

STANDS_FOR = {
    "xoxb-…": "xoxb-sandbox-1",
    "xapp-…": "xapp-1-A0SANDBOX-1-sandbox",
    "=…": "=simulated",
}
STANDS_FOR["sk-ant-…"] = "sk-ant-simulated"

MAY_FAIL = re.compile(r"parley (turns (retry|show) K3F9QX2|doctor)")
"""There is no such turn here, and a machine may have something that the doctor finds."""

PLAIN = re.compile(r"(\.venv/bin/)?parley( [^|<>$&`;]+)?")
"""Nothing that only a shell understands."""

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
SERVES = re.compile(r"\S*parley run$")
NEEDS_THE_BATCH_API = "--batch-api"


def commands(document: Path) -> list[str]:
    """The lines of its shell blocks, without comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    lines = (
        re.sub(r"\s+# .*$", "", line).strip() for block in blocks for line in block.splitlines()
    )
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture
async def environ(tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """A folder as after `make setup`, and the three services simulated."""
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    parley = bin_folder / "parley"
    command = await asyncio.to_thread(forked_command, COMMAND_LINE)
    parley.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    parley.chmod(0o755)
    shutil.copytree(HOUSE / "config", tmp_path / "config")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    async with (
        SimulatedClaude() as claude,
        SimulatedSlack() as slack,
        SimulatedDiscord() as discord,
    ):
        yield {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(HOUSE), os.environ.get("PYTHONPATH", "")]),
            "PARLEY_HTTP": "127.0.0.1:0",
            "ANTHROPIC_API_KEY": "sk-ant-simulated",
            "ANTHROPIC_ADMIN_KEY": "sk-ant-admin-simulated",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
            "DISCORD_TOKEN": "simulated",
            "DISCORD_API_URL": discord.api_url,
        }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
async def test_its_commands_work(
    document: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    """One after the other, as a reader types them, against the simulated services."""
    await works("parley db upgrade", environ, tmp_path)  # a reader's database is there by then
    for command in commands(document):
        if command.startswith("make "):
            await of_make(command)
        elif SERVES.match(command):
            await serves(command, environ, tmp_path)
        else:
            await works(command, environ, tmp_path)


async def of_make(command: str) -> None:
    """The target is there; what it does is what all the other tests are about."""
    target = shlex.split(command)[1]
    dry = await asyncio.to_thread(
        subprocess.run, ["make", "--dry-run", target], cwd=HOUSE, capture_output=True, check=False
    )
    assert dry.returncode == 0, command


async def works(command: str, environ: Mapping[str, str], folder: Path) -> None:
    """It ends, in time, with the status of success."""
    for shown, meant in STANDS_FOR.items():
        command = command.replace(shown, meant)
    run = by_itself if PLAIN.fullmatch(command) else in_a_shell
    status, said = await run(command, environ, folder)
    assert "Traceback" not in said, (command, said)
    allowed = {0, 1} if MAY_FAIL.search(command) or NEEDS_THE_BATCH_API in command else {0}
    assert status in allowed, (command, said)


async def by_itself(command: str, environ: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """A command of Parley's and nothing around it, in a process that is quickly made."""
    arguments = shlex.split(command)[1:]
    async with warm_parley(*arguments, directory=folder, environ=environ) as process:
        status = await process.end(PATIENCE_S)
        return status, process.out.read_text() + process.err.read_text()


async def in_a_shell(command: str, environ: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """Whatever it is, as a shell runs it."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", command),
        cwd=folder,
        env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


async def serves(command: str, environ: Mapping[str, str], folder: Path) -> None:
    """It comes up, is ready, and ends in order when it is told to."""
    arguments = shlex.split(command)[1:]
    async with (
        warm_parley(*arguments, directory=folder, environ=environ) as process,
        aiohttp.ClientSession() as http,
    ):
        url = await wait_until(lambda: ADDRESS.search(process.err.read_text()), PATIENCE_S)
        assert url is not None
        await wait_until(partial(_is_ready, http, url[0]), PATIENCE_S)
        process.signal(signal.SIGTERM)
        assert await process.end(PATIENCE_S) == 0, command


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    async with http.get(f"{url}/readyz") as answer:
        return answer.status == 200
