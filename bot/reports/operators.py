"""Tells operators what they should know, in their channel, each thing once."""

from datetime import datetime

import structlog

from bot.reports.announcing import announcement
from bot.reports.targets import Targets, Unreachable
from storage import announcements
from storage.database import Database

log = structlog.get_logger(__name__)


class OperatorsChannel:
    """The channel that the settings name; `target` may be empty, and then the log alone is told."""

    def __init__(self, *, database: Database, targets: Targets, target: str) -> None:
        self._database = database
        self._targets = targets
        self._target = target

    async def tell(self, text: str, *, key: str, until: datetime) -> bool:
        """Say it, unless it was said with this key; that is remembered until then. False if the channel
        can't be reached now: try again later. Raises `StorageError`."""
        if not self._target:
            return True
        try:
            channel = await self._targets.channel(self._target)
        except Unreachable as error:
            log.error("operators can't be told", why=str(error))
            return False
        now = self._database.now()
        message = announcement(channel, text, key=key, now=now)
        if await self._database.write(
            announcements.announce_once,
            message,
            key=f"operators|{key}",
            until=until,
            now=now,
        ):
            log.info("operators told", what=key)
        return True
