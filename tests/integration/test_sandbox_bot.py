"""The bot of the sandbox, started as the sandbox starts it, and asked as its page asks."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from sandbox.discord import RemoteDiscord
from sandbox.slack import SimulatedSlack
from storage.migrations.ready import ready_sqlite
from tests.forking.programs import COMMAND_LINE
from tests.integration.parley_process import parley
from tests.support import free_port, wait_until
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


async def test_a_bot_started_again_at_once_hears_what_is_said_as_soon_as_it_runs(
    tmp_path: Path,
) -> None:
    """Discord lets a bot identify once in five seconds, and what is said before that is lost."""
    async with parley("sandbox", "--page", "--port", "0", directory=tmp_path) as process:
        url = (await process.tells("In your browser")).split()[-1]
        async with aiohttp.ClientSession() as page, RemoteDiscord(f"{url}/via/discord") as discord:

            async def answered() -> bool:
                return len(await discord.messages((await discord.dm()).id)) == 2

            async with page.post(f"{url}/bot/kill", json={}) as killed:
                assert killed.status == 200, await killed.text()
            await discord.say("Are you there?", direct=True)
            await wait_until(answered, what="an answer")
        process.terminate()
        assert await process.ended() == 0
