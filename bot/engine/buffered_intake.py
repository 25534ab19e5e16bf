"""A bounded buffer in front of the intake, for platforms that deliver an event once and no more."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from bot.ports import CommandOffer, Intake, IntakeUnavailable, KnownThread
from bot.vocabulary import Channel, Clock, Event, Person, Thread

log = structlog.get_logger(__name__)

MAX_EVENTS = 1_000
FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 5.0
LAST_TRY_S = 1.0
"""How long the end may be held up by handing on what still waits."""


class BufferedIntake(Intake):
    """Hands events on in their order; while the database is away they wait here, up to a bound."""

    def __init__(self, intake: Intake, *, clock: Clock, max_events: int = MAX_EVENTS) -> None:
        self._intake = intake
        self._clock = clock
        self._max_events = max_events
        self._waiting: deque[Event] = deque()
        self._coming = 0
        self._one_by_one = asyncio.Lock()
        self._emptying: asyncio.Task[None] | None = None

    async def receive(self, event: Event) -> None:
        """Make the event durable at once, or keep it until that is possible. No event overtakes one
        that was handed in before it.

        Raises:
            IntakeUnavailable: the buffer is full; the event is lost unless its platform has it.
        """
        if self._coming + len(self._waiting) >= self._max_events:
            raise IntakeUnavailable(f"{self._max_events} events wait already")
        self._coming += 1
        try:
            async with self._one_by_one:
                if self._waiting or not await self._received(event):
                    self._keep(event)
        finally:
            self._coming -= 1

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
        if self._waiting:
            log.error(
                "events lost: the database did not come back in time", events=len(self._waiting)
            )

    def _keep(self, event: Event) -> None:
        self._waiting.append(event)
        if self._emptying is None or self._emptying.done():
            self._emptying = asyncio.create_task(self._empty(), name="buffered intake")

    async def _received(self, event: Event) -> bool:
        try:
            await self._intake.receive(event)
        except IntakeUnavailable:
            log.warning("the database is away; events wait in memory")
            return False
        return True

    async def _empty(self) -> None:
        delay_s = FIRST_RETRY_S
        while self._waiting:
            waiting = len(self._waiting)
            try:
                await self._hand_on()
            except IntakeUnavailable:
                delay_s = FIRST_RETRY_S if len(self._waiting) < waiting else delay_s
                await self._clock.sleep(delay_s)
                delay_s = min(delay_s * 2, LONGEST_RETRY_S)
        log.info("the events that waited are stored")

    async def _hand_on(self) -> None:
        """Hand on what waits, in its order. Raises `IntakeUnavailable` as soon as that can't be."""
        while self._waiting:
            try:
                await self._intake.receive(self._waiting[0])
            except IntakeUnavailable:
                raise
            except Exception:
                log.exception("an event could not be taken in, and holds up no other")
            self._waiting.popleft()
