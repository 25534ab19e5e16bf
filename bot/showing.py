"""Sends reports by hand, and has them shown: by the service if one runs, else by this process."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from bot.app import build, open_database, service_adapters
from bot.money.periods import Period
from bot.reporting import put_together
from bot.reports.sending import Sent
from bot.vocabulary import Clock
from config import Settings
from storage import threads, turns
from storage.database import Database
from storage.turns import TurnStatus

PATIENCE_S = 6.0
"""A running service looks into the inbox at least every few seconds."""

SHOW_S = 60.0
LOOK_AGAIN_S = 0.2


class Showing:
    """Sends the report of a period to its destinations."""

    def __init__(self, *, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def send(
        self, name: str, period: Period, destinations: Sequence[str], *, by: str, again: bool
    ) -> list[Sent]:
        """Put it into the inbox for each destination. Raises `StorageError`."""
        async with AsyncExitStack() as stack:
            database = self._database()
            stack.push_async_callback(database.close)
            adapters = service_adapters(self._settings, self._clock, database)
            for adapter in adapters.values():
                stack.push_async_callback(adapter.aclose)
            sender = put_together(
                settings=self._settings, database=database, adapters=adapters, clock=self._clock
            ).sender
            return [
                await sender.send_now(name, period, each, by=by, again=again)
                for each in destinations
            ]

    async def shown(self, message_keys: Sequence[str]) -> bool:
        """Whether people see these messages of the inbox, once they do or time is up.

        A service that runs takes them up within seconds. Where none does, this process takes up what
        waits in the inbox, other people's questions among it, until they are shown. Raises
        `StorageError`.
        """
        database = self._database()
        try:
            patience_s = PATIENCE_S if await self._somebody_may_serve() else 0.0
            deadline = self._clock.monotonic() + patience_s
            while self._clock.monotonic() < deadline or await self._in_hand(database, message_keys):
                if await self._over(database, message_keys):
                    return await self._delivered(database, message_keys)
                await self._clock.sleep(LOOK_AGAIN_S)
            await self._show(message_keys)
            return await self._delivered(database, message_keys)
        finally:
            await database.close()

    async def _show(self, message_keys: Sequence[str]) -> None:
        database = self._database()
        service = build(
            settings=self._settings,
            adapters=service_adapters(self._settings, self._clock, database),
            clock=self._clock,
            database=database,
            with_web=False,
        )
        await service.work_off(lambda: self._over(database, message_keys), within_s=SHOW_S)

    async def _somebody_may_serve(self) -> bool:
        """Another process has the database in use, or may have (see `Database.sole_user`)."""
        database = self._database()  # one of its own: its mark must be gone again at once
        try:
            return not database.sole_user()
        finally:
            await database.close()

    async def _over(self, database: Database, message_keys: Sequence[str]) -> bool:
        found = [await database.read(turns.of_message, key) for key in message_keys]
        return all(turn is not None and turn.is_over for turn in found)

    async def _delivered(self, database: Database, message_keys: Sequence[str]) -> bool:
        found = [await database.read(turns.of_message, key) for key in message_keys]
        return all(turn is not None and turn.status is TurnStatus.DELIVERED for turn in found)

    async def _in_hand(self, database: Database, message_keys: Sequence[str]) -> bool:
        """A service has one of them in hand. An announcement's thread is named as its message is."""
        now = database.now()
        return any([await database.read(threads.is_held, key, now=now) for key in message_keys])

    def _database(self) -> Database:
        return open_database(self._settings, self._clock)
