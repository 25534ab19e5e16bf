"""What was used and what it cost, read from the ledger beside a running service."""

from collections.abc import Sequence
from datetime import datetime

from bot.vocabulary import SystemClock
from config import Settings
from storage import ledger, migrations
from storage.database import Database
from storage.ledger import UsageReport


async def read_usage(
    settings: Settings,
    *,
    since: datetime | None,
    until: datetime | None,
    columns: Sequence[str],
) -> UsageReport:
    """Sums over the requests made in [since, until), in all and per value of each of the columns.

    A database that is not there yet has seen no request, and is not made. Raises `StorageError`.
    """
    database = Database(settings.environment.database_url, clock=SystemClock())
    try:
        if database.file is not None and not database.file.exists():
            return ledger.nothing_used(columns)
        if await database.read(migrations.current) is None:
            return ledger.nothing_used(columns)
        return await database.read(ledger.report, columns, since=since, until=until)
    finally:
        await database.close()
