"""The sandbox's bot, started as the sandbox starts it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.slack import SimulatedSlack
from storage.migrations.ready import ready_sqlite
from tests.forking.programs import COMMAND_LINE
from tests.support import free_port
from tests.warm_parley import environ_of, forked_command

PATIENCE_S = 60.0


def environment(folder: Path, slack: SimulatedSlack) -> Mapping[str, str]:
    """On Slack, without a Claude that answers."""
    return environ_of(
        f"http://127.0.0.1:{free_port()}",
        ready_sqlite(folder / "parley.db"),
        SLACK_API_URL=slack.api_url,
        SLACK_BOT_TOKEN=slack.bot_token,
        SLACK_APP_TOKEN=slack.app_token,
        PARLEY_HTTP="127.0.0.1:0",
    )


@asynccontextmanager
async def address_of_bot(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[str]:
    """Start it; the address it tells. It ends by itself when nobody could tell it anything any more."""
    command = await asyncio.to_thread(forked_command, COMMAND_LINE, "sandbox-bot")
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield (await process.stdout.readline()).decode().strip()
            process.stdin.close()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_tells_its_address_once_it_hears_what_is_said(tmp_path: Path) -> None:
    """Whoever speaks then is heard."""
    async with SimulatedSlack() as slack:
        environ = environment(tmp_path, slack)
        async with address_of_bot(tmp_path, environ) as address:
            assert address.startswith("http://127.0.0.1:")
            assert slack.sockets
