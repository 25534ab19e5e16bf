"""Kill `parley run` in mid-reply on Discord and start it again: exactly one complete answer."""

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.claude import Pace, Reply, SimulatedClaude
from sandbox.discord import SimulatedDiscord
from tests.support import wait_until
from tests.warm_parley import QUICK_TAKE_OVER, Running, environ_of, warm_parley

STORY = " ".join(f"word{number}" for number in range(400))
PATIENCE_S = 60.0


def environment(
    database_url: str, discord: SimulatedDiscord, claude: SimulatedClaude
) -> Mapping[str, str]:
    """What an operator would set."""
    return environ_of(
        claude.base_url,
        database_url,
        DISCORD_TOKEN="simulated",
        DISCORD_API_URL=discord.api_url,
        PARLEY_HTTP="127.0.0.1:0",
    )


def shown(discord: SimulatedDiscord) -> str:
    """All that the bot shows, as one text."""
    messages = discord.messages("general", by=discord.bot)
    return " ".join(message.content for message in messages if message.deleted_at is None)


async def killed(process: Running, discord: SimulatedDiscord, moment: random.Random) -> None:
    """Kill the process once it has posted or edited a few times more."""
    requests = len(discord.requests)
    enough = requests + moment.randint(1, 4)
    await wait_until(lambda: len(discord.requests) >= enough, PATIENCE_S, what=f"{enough} requests")
    await asyncio.sleep(moment.uniform(0.0, 0.3))  # the moment itself, not a wait for anything
    process.kill()
    await process.end(PATIENCE_S)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_killed_service_leaves_exactly_one_complete_answer(
    sqlite_url: str, tmp_path: Path, seed: int
) -> None:
    """Its question, one said meanwhile and one said while nobody ran are answered once each."""
    moment = random.Random(seed * 7919)  # noqa: S311 - not for secrets
    (tmp_path / "parley.toml").write_text(QUICK_TAKE_OVER)
    async with SimulatedDiscord() as discord, SimulatedClaude() as claude:
        claude.script.always(Reply(STORY, pace=Pace(first_token_s=0.05, tokens_per_s=400.0)))
        claude.script.when("then", "The end.")
        environ = environment(sqlite_url, discord, claude)
        async with warm_parley("run", directory=tmp_path, environ=environ) as process:
            await discord.wait_for_bot(timeout_s=PATIENCE_S)
            discord.say("Tell me a story.", mention=True)
            await wait_until(lambda: shown(discord), PATIENCE_S, what="the first text")
            await killed(process, discord, moment)
        claude.script.always(Reply(STORY, pace=Pace(tokens_per_s=2_000.0)))
        discord.say("What happens then?", mention=True, by="grace")
        async with warm_parley("run", directory=tmp_path, environ=environ) as process:
            await wait_until(
                lambda: "The end." in shown(discord) and "word399" in shown(discord),
                PATIENCE_S,
                what="both answers",
            )
            await asyncio.sleep(0.2)  # for whatever should not come
    words = shown(discord).replace("The end.", "").split()
    assert words == STORY.split()
