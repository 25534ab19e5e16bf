"""Freeze a replica past its lease in mid-reply, and wake it again when another has answered."""

import signal
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bot.vocabulary import SystemClock
from sandbox.claude import Pace, Reply, SimulatedClaude
from sandbox.discord import SimulatedDiscord
from storage.database import Database
from storage.tables import LedgerRow
from storage.upsert import table
from tests.acceptance.test_discord_kill import PATIENCE_S, STORY, environment, shown
from tests.postgres import PostgresServer
from tests.support import wait_until
from tests.warm_parley import QUICK_TAKE_OVER, warm_parley

SLOWLY = Pace(first_token_s=0.05, tokens_per_s=300.0)


def _costs(connection: Connection) -> list[tuple[str, int | None]]:
    entries = table(LedgerRow)
    rows = connection.execute(select(entries.c.status, entries.c.cost_nanousd))
    return [(row.status, row.cost_nanousd) for row in rows]


@pytest.mark.postgres
async def test_a_frozen_replica_that_wakes_up_spoils_nothing(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """The other gives one whole answer; what the sleeper still holds of its own is neither shown nor
    kept, and what both asked Claude for is in the ledger as it is on the bill."""
    folders = [tmp_path / "sleeper", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
        (folder / "parley.toml").write_text(QUICK_TAKE_OVER)
    name = postgres_server.create_database()
    url = postgres_server.url(name)
    database = Database(url, clock=SystemClock())
    async with SimulatedDiscord() as discord, SimulatedClaude() as claude:
        claude.script.always(Reply(STORY, pace=SLOWLY))
        environ = environment(url, discord, claude)
        async with warm_parley("run", directory=folders[0], environ=environ) as sleeper:
            await discord.wait_for_bot(timeout_s=PATIENCE_S)
            discord.say("Tell me a story.", mention=True)
            await wait_until(lambda: "word20" in shown(discord), PATIENCE_S, what="some text")
            sleeper.signal(signal.SIGSTOP)
            claude.script.always(STORY)
            async with warm_parley("run", directory=folders[1], environ=environ):
                await wait_until(
                    lambda: shown(discord).split() == STORY.split(),
                    PATIENCE_S,
                    what="the whole answer",
                )
                claude.script.always("The end.")
                sleeper.signal(signal.SIGCONT)
                discord.say("And now?", mention=True)
                await wait_until(
                    lambda: "The end." in shown(discord), PATIENCE_S, what="the next answer"
                )
                sleeper.signal(signal.SIGTERM)
                assert await sleeper.end(PATIENCE_S) == 0, "it does what it still has to, and ends"
        assert shown(discord).split() == [*STORY.split(), "The", "end."]
        costs = await database.read(_costs)
        bill = claude.bill()
    await database.close()
    assert all(status != "open" for status, _ in costs)
    completed = sum(cost or 0 for status, cost in costs if status == "completed")
    assert completed <= bill.total_nanousd
