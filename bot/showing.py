"""Sends reports by hand, and has them shown: by the service if one runs, else by this process."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Literal

from bot.app import build, open_database, replica_name, service_adapters
from bot.money.periods import Period
from bot.reporting import put_together
from bot.reports.sending import Sent
from bot.vocabulary import Clock
from config import Settings
from storage import threads, turns
from storage.database import Database
from storage.turns import Turn, TurnStatus

PATIENCE_S = 6.0
"""A running service looks into the inbox at least every few seconds."""

SHOW_S = 60.0
LOOK_AGAIN_S = 0.2

_WHY = {
    "thread gone": "nothing can be said there (any more); is the bot a member there?",
    "undeliverable": "the platform refused it at every attempt; the log of the service says why",
}
"""What the details of turns that were parked mean to whoever sent a report."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of a message: people see it, it was refused, a running service is at it, or nobody is
    (a service that is started later will be); `why`, where that needs saying."""

    outcome: Literal["delivered", "refused", "on_its_way", "waiting"]
    why: str = ""


DELIVERED = Shown("delivered")
ON_ITS_WAY = Shown("on_its_way")
NOT_SHOWN = Shown("waiting", f"no service runs, and {SHOW_S:g} s were not enough to show it")

Look = Callable[[Database, Sequence[str]], Awaitable[bool]]


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

    async def shown(self, message_keys: Sequence[str], *, within_s: float) -> Mapping[str, Shown]:
        """What becomes of these messages of the inbox, by their keys.

        A service that runs takes them up within seconds, and is then watched for `within_s` at most. Where
        none does, this process takes up what waits in the inbox, other people's questions among it, until
        they are shown. Raises `StorageError`.
        """
        served = await self._somebody_may_serve()
        async with AsyncExitStack() as stack:
            database = self._database()
            stack.push_async_callback(database.close)
            found = zip(message_keys, await self._turns(database, message_keys), strict=True)
            waiting = [key for key, turn in found if turn is None or not turn.is_over]
            if waiting and served:
                served = await self._until(self._taken_up, database, waiting, PATIENCE_S)
            if waiting and not served:
                await self._show(waiting)
                return await self._states(database, message_keys, otherwise=NOT_SHOWN)
            await self._until(self._over, database, waiting, within_s)
            return await self._states(database, message_keys, otherwise=ON_ITS_WAY)

    async def _show(self, message_keys: Sequence[str]) -> None:
        database, replica = self._database(), replica_name()
        service = build(
            settings=self._settings,
            adapters=service_adapters(self._settings, self._clock, database, replica=replica),
            clock=self._clock,
            database=database,
            replica=replica,
            with_web=False,
        )
        await service.work_off(lambda: self._over(database, message_keys), within_s=SHOW_S)

    async def _until(
        self, done: Look, database: Database, message_keys: Sequence[str], within_s: float
    ) -> bool:
        """Whether it is so within a time; returns as soon as it is."""
        deadline = self._clock.monotonic() + within_s
        while not (is_so := await done(database, message_keys)):
            if self._clock.monotonic() >= deadline:
                break
            await self._clock.sleep(LOOK_AGAIN_S)
        return is_so

    async def _taken_up(self, database: Database, message_keys: Sequence[str]) -> bool:
        """A service has one of them in hand, or had. An announcement's thread is named as its message."""
        now = database.now()
        held = [await database.read(threads.is_held, key, now=now) for key in message_keys]
        return any(held) or any(await self._turns(database, message_keys))

    async def _somebody_may_serve(self) -> bool:
        """Another process has the database in use, or may have (see `Database.sole_user`)."""
        database = self._database()  # one of its own: its mark must be gone again at once
        try:
            return not database.sole_user()
        finally:
            await database.close()

    async def _over(self, database: Database, message_keys: Sequence[str]) -> bool:
        found = await self._turns(database, message_keys)
        return all(turn is not None and turn.is_over for turn in found)

    async def _states(
        self, database: Database, message_keys: Sequence[str], *, otherwise: Shown
    ) -> Mapping[str, Shown]:
        found = await self._turns(database, message_keys)
        return {
            key: otherwise if turn is None or not turn.is_over else _shown(turn)
            for key, turn in zip(message_keys, found, strict=True)
        }

    async def _turns(self, database: Database, message_keys: Sequence[str]) -> list[Turn | None]:
        return [await database.read(turns.of_message, key) for key in message_keys]

    def _database(self) -> Database:
        return open_database(self._settings, self._clock)


def _shown(turn: Turn) -> Shown:
    """What became of a turn that is over."""
    if turn.status is TurnStatus.DELIVERED:
        return DELIVERED
    return Shown("refused", _WHY.get(turn.detail or "", turn.detail or "it could not be shown"))
