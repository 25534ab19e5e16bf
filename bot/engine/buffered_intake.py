"""A bounded buffer in front of the intake, for platforms that deliver an event once and no more."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime

import structlog

from bot.ports import Intake, IntakeUnavailable, KnownThread
from bot.vocabulary import Clock, Event

log = structlog.get_logger(__name__)

MAX_EVENTS = 1_000
FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 5.0


class BufferedIntake(Intake):
    """Hands events on in their order; while the database is away they wait here, up to a bound."""

    def __init__(self, intake: Intake, *, clock: Clock, max_events: int = MAX_EVENTS) -> None:
        self._intake = intake
        self._clock = clock
        self._max_events = max_events
        self._waiting: deque[Event] = deque()
        self._emptying: asyncio.Task[None] | None = None

    async def receive(self, event: Event) -> None:
        """Make the event durable at once, or keep it until that is possible.

        Raises:
            IntakeUnavailable: the buffer is full; the event is lost unless its platform has it.
        """
        if not self._waiting and await self._received(event):
            return
        if len(self._waiting) >= self._max_events:
            raise IntakeUnavailable(f"{self._max_events} events wait already")
        self._waiting.append(event)
        if self._emptying is None or self._emptying.done():
            self._emptying = asyncio.create_task(self._empty(), name="buffered intake")

    async def known_threads(self, platform: str, *, since: datetime) -> Sequence[KnownThread]:
        """As the intake behind it."""
        return await self._intake.known_threads(platform, since=since)

    async def aclose(self) -> None:
        """Stop trying; what waits is lost, and said."""
        if self._emptying is not None:
            self._emptying.cancel()
            await asyncio.wait({self._emptying})
        if self._waiting:
            log.error(
                "events lost: the database did not come back in time", events=len(self._waiting)
            )

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
            try:
                await self._intake.receive(self._waiting[0])
            except IntakeUnavailable:
                await self._clock.sleep(delay_s)
                delay_s = min(delay_s * 2, LONGEST_RETRY_S)
            else:
                self._waiting.popleft()
                delay_s = FIRST_RETRY_S
        log.info("the events that waited are stored")
