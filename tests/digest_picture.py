"""The digest's picture in the documents (`make pictures`): `parley report` on a made-up ledger."""

import asyncio
import os
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bot.cli import invoke
from bot.vocabulary import SystemClock
from storage.database import Database
from storage.ledger import ledger
from storage.migrations import upgrade

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "digest.png"
WEEK = "2026-W47"
FIRST = datetime(2026, 9, 21, tzinfo=UTC)
WEEKS = 9

# Dollars on an ordinary weekday, by model; a tenth of it on the days of a weekend.
USUAL = (("claude-sonnet-5-5", 11.0), ("claude-opus-5-5", 3.5), ("claude-haiku-5-5", 1.4))
BUSY = datetime(2026, 11, 19, tzinfo=UTC)


def main() -> int:
    """Make them; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/parley.db"
        asyncio.run(_fill(url))
        os.environ["DATABASE_URL"] = url
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        return invoke(["report", "weekly", "--period", WEEK, "--png", str(PICTURE)])


async def _fill(url: str) -> None:
    database = Database(url, clock=SystemClock())
    try:
        await database.maintain(upgrade)
        await database.write(_spend)
    finally:
        await database.close()


def _spend(connection: Connection) -> None:
    chance = random.Random(47)  # noqa: S311 - the same picture each time
    for number in range(7 * WEEKS):
        day = FIRST + timedelta(days=number)
        much = (0.1 if day.weekday() > 4 else 1.0) * (2.6 if day == BUSY else 1.0)
        for model, usual in USUAL:
            dollars = usual * much * chance.uniform(0.75, 1.25)
            connection.execute(
                ledger.insert().values(
                    id=f"{day:%Y-%m-%d} {model}",
                    opened_at=day + timedelta(hours=12),
                    closed_at=day + timedelta(hours=12),
                    status="completed",
                    purpose="answer",
                    model=model,
                    workspace_key="slack:T1",
                    channel_key="slack:T1:C1",
                    person_key="slack:T1:U1",
                    cost_nanousd=round(dollars * 10**9),
                )
            )


if __name__ == "__main__":
    sys.exit(main())
