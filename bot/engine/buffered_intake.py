"""A bounded queue in front of the intake: what comes together is stored together, in its order.

For platforms that deliver an event once and no more, events wait here while the database is away.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol

import structlog

from bot.ports import CommandOffer, Intake, IntakeUnavailable, KnownThread
from bot.vocabulary import Channel, Clock, Event, Person, Thread

log = structlog.get_logger(__name__)

MAX_EVENTS = 1_000
TOGETHER = 50
"""At most so many events are handed on at once."""

FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 5.0
LAST_TRY_S = 1.0
"""How long the end may be held up by handing on what still waits."""


class TakesSeveral(Intake, Protocol):
    """An intake that can take several events at once."""

    async def receive_all(self, events: Sequence[Event]) -> None:
        """As `receive`, for each of them in their order. If it raises, the first ones may be durable;
        they may be handed in again."""


@dataclass(frozen=True, slots=True)
class _Coming:
    """An event on its way; `taken` is done once its adapter has been told what became of it."""

    event: Event
    taken: "asyncio.Future[None]"

    def tell(self, error: Exception | None) -> None:
        """Tell the adapter, if it still wants to know."""
        if self.taken.done():
            return
        if error is None:
            self.taken.set_result(None)
        else:
            self.taken.set_exception(error)


class BufferedIntake(Intake):
    """Hands events on in their order; none overtakes one that was handed in before it.

    With `keeps` they wait here while the database is away, up to a bound; else they are refused, and
    their platform hands them in again.
    """

    def __init__(
        self,
        intake: TakesSeveral,
        *,
        clock: Clock,
        keeps: bool = True,
        max_events: int = MAX_EVENTS,
    ) -> None:
        self._intake = intake
        self._clock = clock
        self._keeps = keeps
        self._max_events = max_events
        self._waiting: deque[_Coming] = deque()
        self._away = False
        self._emptying: asyncio.Task[None] | None = None

    async def receive(self, event: Event) -> None:
        """Make the event durable, or keep it until that is possible.

        Raises:
            IntakeUnavailable: it is not durable, and not kept: the buffer is full, or keeps nothing.
        """
        if len(self._waiting) >= self._max_events:
            raise IntakeUnavailable(f"{self._max_events} events wait already")
        coming = _Coming(event, asyncio.get_running_loop().create_future())
        if self._away:
            coming.tell(None)
        self._waiting.append(coming)
        if self._emptying is None or self._emptying.done():
            self._emptying = asyncio.create_task(self._empty(), name="buffered intake")
        await coming.taken

    async def known_threads(self, platform: str, *, since: datetime) -> Sequence[KnownThread]:
        """As the intake behind it."""
        return await self._intake.known_threads(platform, since=since)

    async def thread_of(self, channel: Channel, message_id: str) -> Thread | None:
        """As the intake behind it."""
        return await self._intake.thread_of(channel, message_id)

    def commands(self) -> Sequence[CommandOffer]:
        """As the intake behind it."""
        return self._intake.commands()

    async def home(self, workspace_key: str, person: Person) -> str:
        """As the intake behind it."""
        return await self._intake.home(workspace_key, person)

    async def aclose(self) -> None:
        """Try once more and then no more; what still waits is lost, and said."""
        if self._emptying is not None:
            self._emptying.cancel()
            await asyncio.wait({self._emptying})
        with suppress(IntakeUnavailable, TimeoutError):
            async with asyncio.timeout(LAST_TRY_S):
                await self._hand_on()
        if self._waiting and self._keeps:
            log.error(
                "events lost: the database did not come back in time", events=len(self._waiting)
            )
        self._tell_all(IntakeUnavailable("the service has ended"))

    async def _empty(self) -> None:
        delay_s = FIRST_RETRY_S
        while self._waiting:
            oldest = self._waiting[0]
            try:
                await self._hand_on()
            except IntakeUnavailable as error:
                if not self._keeps:
                    self._tell_all(error)
                    self._waiting.clear()
                    continue
                self._keep()
                delay_s = FIRST_RETRY_S if self._waiting[0] is not oldest else delay_s
                await self._clock.sleep(delay_s)
                delay_s = min(delay_s * 2, LONGEST_RETRY_S)
        if self._away:
            self._away = False
            log.info("the events that waited are stored")

    def _keep(self) -> None:
        """What waits now is ours to keep, and so is what comes until it is stored."""
        if not self._away:
            log.warning("the database is away; events wait in memory")
        self._away = True
        self._tell_all(None)

    def _tell_all(self, error: Exception | None) -> None:
        for coming in self._waiting:
            coming.tell(error)

    async def _hand_on(self) -> None:
        """Hand on what waits, in its order. Raises `IntakeUnavailable` as soon as that can't be."""
        while self._waiting:
            together = list(islice(self._waiting, TOGETHER))
            try:
                await self._intake.receive_all([coming.event for coming in together])
            except IntakeUnavailable:
                raise
            except Exception:
                await self._hand_on_one_by_one(len(together))
            else:
                for coming in together:
                    self._waiting.popleft()
                    coming.tell(None)

    async def _hand_on_one_by_one(self, count: int) -> None:
        """One of them can't be taken in, and holds up no other."""
        for _ in range(count):
            coming = self._waiting[0]
            failure = None
            try:
                await self._intake.receive(coming.event)
            except IntakeUnavailable:
                raise
            except Exception as error:
                log.exception("an event could not be taken in, and holds up no other")
                failure = error
            self._waiting.popleft()
            coming.tell(failure)
