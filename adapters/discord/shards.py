"""The connections to the gateway, shared among replicas: each shard is held by one of them.

Two that hold the same shard for a moment do no harm: both hear every event, and the inbox keeps one.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import discord
import structlog

from adapters.discord.gateway import GatewayHttp, Hear, IntentsRefused, Shard, WrongShards
from adapters.discord.rest import Json, Rest
from bot.ports import AdapterStore, IntakeUnavailable, PlatformError
from bot.vocabulary import Clock

log = structlog.get_logger(__name__)

HELD_FOR_S: Final = 4.5
RENEWED_EVERY_S: Final = 1.5
IDENTIFY_EVERY_S: Final = 5.0
"""https://discord.com/developers/docs/events/gateway#sharding-max-concurrency"""

WITHOUT_CONTENT: Final = (
    "the message content intent is not granted: in servers the bot reads only what mentions it, replies "
    "to it with a mention, and direct messages. Turn on Message Content Intent in the developer portal "
    "(Bot) so that it can follow a thread without being mentioned"
)


class Shards:
    """Holds as many shards as no other replica does, and keeps them connected."""

    def __init__(
        self,
        *,
        rest: Rest,
        store: AdapterStore,
        clock: Clock,
        token: str,
        content_granted: bool,
        hear: Callable[[int, int], Hear],
        heartbeat_timeout_s: float,
    ) -> None:
        self._rest = rest
        self._store = store
        self._clock = clock
        self._token = token
        self._content = content_granted
        self._hear = hear
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._shards: dict[int, Shard] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._identifying = asyncio.Lock()
        self._identified_at: dict[int, float] = {}
        self._info: Json = {}
        self._count = 0
        """How many shards there are; 0 while that is not known."""
        self._refused_since: dict[int, float] = {}
        """Since when a shard could not be had, by its number."""
        if not content_granted:
            log.warning(WITHOUT_CONTENT)

    @property
    def connected(self) -> bool:
        """Every shard is connected here, or is held by another replica that is alive."""
        return self._count > 0 and all(self._is_heard(number) for number in range(self._count))

    @property
    def held(self) -> list[tuple[int, int]]:
        """The number of each connected shard that this replica holds, and how many there are."""
        shards = self._shards.items()
        return [(number, self._count) for number, shard in shards if shard.connected]

    async def run(self) -> None:
        """Hold shards until cancelled. Raises `PlatformError` if it can never work so."""
        try:
            while True:
                await self._learn()
                self._count = int(self._info.get("shards") or 1)
                try:
                    await self._hold_all(self._count)
                except WrongShards:
                    log.warning("Discord asks for another number of shards")
                finally:
                    await self._let_go()
        finally:
            await self._let_go()

    async def _learn(self) -> None:
        """Ask for the gateway, for as long as it takes."""
        pause_s = 1.0
        while True:
            try:
                self._info = await self._rest.get("/gateway/bot")
                return
            except PlatformError as error:
                log.warning("the gateway's address is not known yet", error=str(error))
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, 30.0)

    async def _hold_all(self, count: int) -> None:
        while True:
            for number in range(count):
                await self._hold(number, count)
            await self._pause()
            for task in [task for task in self._tasks.values() if task.done()]:
                self._ended(task)

    async def _pause(self) -> None:
        """Until the shards have to be held anew, or one has ended."""
        sleeping = asyncio.ensure_future(self._clock.sleep(RENEWED_EVERY_S))
        try:
            await asyncio.wait(
                {sleeping, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            sleeping.cancel()

    async def _hold(self, number: int, count: int) -> None:
        """Take the shard, or keep it; connect when it is new, and disconnect when it is lost."""
        try:
            held = await self._store.hold(_role(number, count), for_s=HELD_FOR_S)
        except IntakeUnavailable:
            return  # nobody else can take it either
        if held:
            self._refused_since.pop(number, None)
        else:
            self._refused_since.setdefault(number, self._clock.monotonic())
        if held and number not in self._tasks:
            shard = self._shard(number, count)
            self._shards[number] = shard
            self._tasks[number] = asyncio.create_task(shard.listen(), name=f"shard {number}")
        elif not held and number in self._tasks:
            log.warning("another replica has taken the shard", shard=number)
            await self._disconnect(number)

    def _is_heard(self, number: int) -> bool:
        """Somebody listens to it. A replica that died holds it no longer than its lease: who was refused
        for longer was refused by one that lives."""
        shard = self._shards.get(number)
        if shard is not None:
            return shard.connected
        since = self._refused_since.get(number)
        return since is not None and self._clock.monotonic() - since > HELD_FOR_S

    def _shard(self, number: int, count: int) -> Shard:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
        intents.message_content = self._content
        return Shard(
            http=GatewayHttp(rest=self._rest, token=self._token),
            number=number,
            count=count,
            intents=intents,
            hear=self._hear(number, count),
            gateway=self._gateway,
            may_identify=self._may_identify,
            clock=self._clock,
            heartbeat_timeout_s=self._heartbeat_timeout_s,
        )

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A shard's connection ends by itself only where it can't go on as it is."""
        number = next(number for number, each in self._tasks.items() if each is task)
        del self._tasks[number], self._shards[number]
        try:
            task.result()
        except IntentsRefused:
            if not self._content:
                raise PlatformError("Discord grants the bot no intents at all") from None
            self._content = False
            log.warning(WITHOUT_CONTENT)

    async def _gateway(self) -> str:
        """Where to connect; asked anew, since it may change."""
        await self._learn()
        return str(self._info["url"])

    async def _may_identify(self, number: int) -> None:
        limit = self._info.get("session_start_limit") or {}
        if int(limit.get("remaining", 1)) <= 0:
            wait_s = int(limit.get("reset_after", 0)) / 1000
            log.error("Discord allows no more new sessions for now", wait_s=wait_s)
            await self._clock.sleep(wait_s)
        place = number % max(1, int(limit.get("max_concurrency") or 1))
        async with self._identifying:
            last = self._identified_at.get(place)
            if last is not None:
                await self._clock.sleep(last + IDENTIFY_EVERY_S - self._clock.monotonic())
            self._identified_at[place] = self._clock.monotonic()

    async def _disconnect(self, number: int) -> None:
        task = self._tasks.pop(number)
        del self._shards[number]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _let_go(self) -> None:
        """Disconnect, and leave the shards to others at once."""
        for number in list(self._tasks):
            await self._disconnect(number)
            try:
                await self._store.release(_role(number, self._count))
            except IntakeUnavailable:
                continue
        self._refused_since.clear()


def _role(number: int, count: int) -> str:
    return f"shard {number} of {count}"
