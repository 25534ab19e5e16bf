"""What hears Discord while the adapter runs: shards, what their events become, and catching up."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from adapters.discord.addressing import Addressing
from adapters.discord.calls import Calls
from adapters.discord.catch_up import CatchUp, Heard
from adapters.discord.commands import synchronise
from adapters.discord.gateway import Hear
from adapters.discord.hearing import Hearing
from adapters.discord.interactions import Interactions
from adapters.discord.login import Account
from adapters.discord.marks import Marks
from adapters.discord.opening import ThreadOpener
from adapters.discord.places import Places
from adapters.discord.rest import Json, Rest
from adapters.discord.said_before import SaidBefore
from adapters.discord.shards import Shards
from bot.ports import AdapterStore, Intake, IntakeUnavailable, PlatformError
from bot.vocabulary import Clock

log = structlog.get_logger(__name__)

NOTED_EVERY_S: Final = 5.0
FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What hearing and speaking share."""

    token: str
    clock: Clock
    rest: Rest
    store: AdapterStore
    places: Places
    opener: ThreadOpener
    marks: Marks
    calls: Calls


class Listening:
    """Hears Discord, from one start of the adapter to its end."""

    def __init__(
        self,
        tools: Tools,
        *,
        account: Account,
        intake: Intake,
        threads: bool,
        catch_up_max_age_s: float,
        heartbeat_timeout_s: float,
    ) -> None:
        self._tools = tools
        self._account = account
        self._intake = intake
        self._heard = Heard(store=tools.store, clock=tools.clock)
        self._catching_up: set[asyncio.Task[None]] = set()
        addressing = Addressing(me=account.me, places=tools.places, intake=intake, threads=threads)
        self._hearing = Hearing(
            places=tools.places,
            addressing=addressing,
            opener=tools.opener,
            interactions=Interactions(
                rest=tools.rest, places=tools.places, calls=tools.calls, offers=intake.commands
            ),
            intake=intake,
            clock=tools.clock,
        )
        self._shards = Shards(
            rest=tools.rest,
            store=tools.store,
            clock=tools.clock,
            token=tools.token,
            content_granted=account.content_granted,
            hear=self._ears,
            heartbeat_timeout_s=heartbeat_timeout_s,
        )
        self._catch_up = CatchUp(
            rest=tools.rest,
            intake=intake,
            heard=self._heard,
            places=tools.places,
            take=self._hearing.take,
            clock=tools.clock,
            max_age_s=catch_up_max_age_s,
        )
        self.said_before = SaidBefore(
            rest=tools.rest, hearing=self._hearing, addressing=addressing, me=account.me
        )
        """What was said where the bot is called for the first time."""

    @property
    def connected(self) -> bool:
        """Every shard is heard, here or by another replica."""
        return self._shards.connected

    async def run(self) -> None:
        """Hear until cancelled. Raises `PlatformError` if it can never work so."""
        self._tools.marks.intake = self._intake
        beside = [
            asyncio.create_task(self._note_what_was_heard(), name="discord heard"),
            asyncio.create_task(self._prepare(), name="discord commands"),
        ]
        try:
            await self._shards.run()
        finally:
            tasks = [*beside, *self._catching_up]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._hearing.aclose()

    def _ears(self, number: int, count: int) -> Hear:
        """What hears the events of a shard."""
        return partial(self._hear, number, count)

    def _hear(self, number: int, count: int, event: str, data: Json) -> None:
        self._hearing.hear(event, data)
        if event == "READY":  # a new session: what came before it is not sent again
            task = asyncio.create_task(self._catch_up_with(number, count))
            self._catching_up.add(task)
            task.add_done_callback(self._catching_up.discard)

    async def _note_what_was_heard(self) -> None:
        """From time to time, and only when nothing is on its way in."""
        while True:
            await self._tools.clock.sleep(NOTED_EVERY_S)
            if self._catching_up or not self._hearing.idle:
                continue
            missed, self._hearing.incomplete = self._hearing.incomplete, False
            for number, count in self._shards.held:
                if missed:
                    await self._catch_up_with(number, count)
                if not self._hearing.incomplete:
                    await self._heard.everything(number, count)

    async def _catch_up_with(self, number: int, count: int) -> None:
        if not await self._catch_up.run(number, count):
            self._hearing.incomplete = True

    async def _prepare(self) -> None:
        """Tell Discord the commands, and drop what nobody needs any more."""
        pause_s = FIRST_RETRY_S
        while True:
            try:
                await synchronise(
                    self._intake.commands(),
                    rest=self._tools.rest,
                    store=self._tools.store,
                    application_id=self._account.me.application_id,
                )
                await self._tools.marks.forget_old()
                await self._tools.calls.forget_old()
                return
            except (PlatformError, IntakeUnavailable) as error:
                log.warning("the commands are not written yet", error=str(error))
            await self._tools.clock.sleep(pause_s)
            pause_s = min(pause_s * 4, LONGEST_RETRY_S)
