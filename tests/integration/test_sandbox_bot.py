"""The bot of the sandbox's page, asked over HTTP as the page asks."""

from pathlib import Path

import aiohttp

from sandbox.discord import RemoteDiscord
from tests.integration.parley_process import parley
from tests.support import wait_until


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
