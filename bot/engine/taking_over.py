"""Taking over from an earlier process, however it ended."""

import structlog

from bot.engine.adapter_store import give_up_all_roles
from storage import threads
from storage.database import Database

log = structlog.get_logger(__name__)


async def free_what_was_held(database: Database) -> None:
    """Let what an earlier process held go on at once, if no other can be living; else its leases run out.

    Raises:
        StorageError: the database is away.
    """
    if not database.sole_user():
        return
    freed = await database.write(threads.free_all, now=database.now())
    await give_up_all_roles(database)
    if freed:
        log.info("taking over what an earlier process left", threads=freed)
