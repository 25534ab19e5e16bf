"""Kill a replica while it sends the digest to Slack and Discord: the other brings it to its end, once."""

from pathlib import Path

import pytest

from bot.vocabulary import SystemClock
from sandbox.claude import SimulatedClaude
from sandbox.discord import Message, SimulatedDiscord
from sandbox.slack import SimulatedSlack
from storage.database import Database
from tests.acceptance.test_digest import known_for_long
from tests.postgres import PostgresServer
from tests.slack_rig import threads_waiting
from tests.support import wait_until
from tests.warm_parley import QUICK_TAKE_OVER, environ_of, warm_parley

PATIENCE_S = 60.0


@pytest.mark.postgres
@pytest.mark.parametrize("after", [False, True], ids=["before it is posted", "once it is posted"])
async def test_a_killed_replica_leaves_one_digest_in_each_place(
    postgres_server: PostgresServer, tmp_path: Path, after: bool
) -> None:
    """Slack has not got it yet, or has, and the answer never arrived; Discord has not got it."""
    url = postgres_server.url(postgres_server.create_database())
    database = Database(url, clock=SystemClock())
    async with (
        SimulatedSlack() as slack,
        SimulatedDiscord() as discord,
        SimulatedClaude() as claude,
    ):
        to = (
            f"slack:{slack.world.channel('random').id}",
            f"discord:{discord.world.channel('general').id}",
        )
        await known_for_long(url, to)
        folders = [_folder(tmp_path / name, to) for name in ("one", "other")]
        environ = environ_of(
            claude.base_url,
            url,
            SLACK_API_URL=slack.api_url,
            SLACK_BOT_TOKEN=slack.bot_token,
            SLACK_APP_TOKEN=slack.app_token,
            DISCORD_TOKEN="simulated",
            DISCORD_API_URL=discord.api_url,
            PARLEY_HTTP="127.0.0.1:0",
        )
        slack.hold("chat.postMessage", after=after)
        discord.hold("POST /channels/{}/messages")
        async with warm_parley("run", directory=folders[0], environ=environ) as killed:
            await slack.wait_for_held(timeout_s=PATIENCE_S)
            await discord.wait_for_held(timeout_s=PATIENCE_S)
            assert bool(slack.visible("random", by_app=True)) is after
            opened = slack.sockets_opened
            async with warm_parley("run", directory=folders[1], environ=environ):
                await wait_until(
                    lambda: slack.sockets_opened > opened, PATIENCE_S, what="the other replica"
                )
                killed.kill()
                await killed.end(PATIENCE_S)
                slack.release()
                discord.release()
                await wait_until(
                    lambda: slack.visible("random", by_app=True) and _on_discord(discord),
                    PATIENCE_S,
                    what="both digests",
                )

                async def quiet() -> bool:
                    return await database.read(threads_waiting) == 0

                await wait_until(quiet, PATIENCE_S, what="nothing left to do")
        (in_slack,) = slack.visible("random", by_app=True)
        assert "$0.00" in in_slack.text
        (on_discord,) = _on_discord(discord)
        assert len(on_discord.attachments) == 1
        assert not slack.pings
    await database.close()


def _folder(folder: Path, to: tuple[str, ...]) -> Path:
    """Where a replica runs, with its settings."""
    folder.mkdir()
    targets = ", ".join(f'"{each}"' for each in to)
    report = f'[[reports]]\nname = "weekly"\nto = [{targets}]\n'
    (folder / "parley.toml").write_text(QUICK_TAKE_OVER + report)
    return folder


def _on_discord(discord: SimulatedDiscord) -> list[Message]:
    """What the bot shows in the channel."""
    found = discord.messages("general", by=discord.bot)
    return [each for each in found if each.deleted_at is None]
