"""The buffer in front of the intake: bounded, in order, and nothing in it is lost."""

import asyncio

import pytest
from structlog.testing import capture_logs

from adapters.memory import MemoryIntake
from bot.engine.buffered_intake import LONGEST_RETRY_S, BufferedIntake
from bot.ports import IntakeUnavailable
from bot.vocabulary import (
    Channel,
    Event,
    ManualClock,
    Message,
    MessageReceived,
    Person,
    Thread,
)
from tests.support import wait_until

THREAD = Thread(Channel("memory", "home", "general"), "1")
SENT_AT = ManualClock().now()


def event(text: str) -> MessageReceived:
    """Somebody says something."""
    return MessageReceived(
        Message(
            thread=THREAD,
            id=text,
            author=Person("U1", "Ada"),
            text=text,
            sent_at=SENT_AT,
            addressed=True,
        )
    )


def texts(intake: MemoryIntake) -> list[str]:
    """What reached the intake behind the buffer, in order."""
    return [message.text for message in intake.messages]


class Stored(MemoryIntake):
    """An intake on a database that can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.attempts = 0

    async def receive(self, event: Event) -> None:
        """Take it in, unless the database is away."""
        self.attempts += 1
        if self.away:
            raise IntakeUnavailable("the database is away")
        await super().receive(event)


class Held(MemoryIntake):
    """An intake whose first event hangs until it is let through, or refused."""

    def __init__(self, behind: MemoryIntake) -> None:
        super().__init__()
        self.let_through = asyncio.Event()
        self.refuses = False
        self.held = 0
        self._behind = behind

    async def receive(self, event: Event) -> None:
        """Hold the first one."""
        if not self.let_through.is_set():
            self.held += 1
            await self.let_through.wait()
            if self.refuses:
                self.refuses = False
                raise IntakeUnavailable("the connection broke")
        await self._behind.receive(event)


class Refusing(MemoryIntake):
    """An intake that can't take one certain text, whenever it comes."""

    def __init__(self, behind: MemoryIntake, text: str) -> None:
        super().__init__()
        self._behind = behind
        self._text = text

    async def receive(self, event: Event) -> None:
        """Take everything but that."""
        if isinstance(event, MessageReceived) and event.message.text == self._text:
            raise ValueError("a text that no database takes")
        await self._behind.receive(event)


async def test_with_the_database_there_nothing_waits() -> None:
    """An event is durable when `receive` returns."""
    intake = MemoryIntake()
    buffer = BufferedIntake(intake, clock=ManualClock())
    await buffer.receive(event("one"))
    assert texts(intake) == ["one"]
    await buffer.aclose()


async def test_what_came_during_an_outage_is_stored_in_its_order() -> None:
    """The adapter is not held up meanwhile, and what comes afterwards stands behind what waits."""
    clock, intake = ManualClock(), Stored()
    buffer = BufferedIntake(intake, clock=clock)
    intake.away = True
    for text in ("one", "two", "three"):
        await buffer.receive(event(text))
    await clock.advance(1)
    intake.away = False
    await buffer.receive(event("four"))
    await clock.advance(LONGEST_RETRY_S)
    assert texts(intake) == ["one", "two", "three", "four"]
    await buffer.receive(event("five"))
    assert texts(intake)[-1] == "five"
    await buffer.aclose()


async def test_an_outage_however_long_is_over_within_seconds_of_its_end() -> None:
    """It is tried again and again, at most a few seconds apart, and not much oftener."""
    clock, intake = ManualClock(), Stored()
    buffer = BufferedIntake(intake, clock=clock)
    intake.away = True
    await buffer.receive(event("one"))
    await clock.advance(0)
    await clock.advance(3600)
    assert 3600 / LONGEST_RETRY_S <= intake.attempts <= 3600 / LONGEST_RETRY_S + 10
    intake.away = False
    await clock.advance(LONGEST_RETRY_S)
    assert texts(intake) == ["one"]
    await buffer.aclose()


async def test_a_full_buffer_says_so() -> None:
    """It takes as many events as it may and not one more, and those it took are kept."""
    clock, intake = ManualClock(), Stored()
    buffer = BufferedIntake(intake, clock=clock, max_events=3)
    intake.away = True
    for text in ("one", "two", "three"):
        await buffer.receive(event(text))
    with pytest.raises(IntakeUnavailable, match="3 events wait already"):
        await buffer.receive(event("too much"))
    await clock.advance(0)
    intake.away = False
    await clock.advance(LONGEST_RETRY_S)
    assert texts(intake) == ["one", "two", "three"]
    await buffer.receive(event("room again"))
    assert texts(intake)[-1] == "room again"
    await buffer.aclose()


async def test_events_that_are_on_their_way_count_too() -> None:
    """While the database hangs, no more than the bound are held in memory."""
    intake = MemoryIntake()
    held = Held(intake)
    buffer = BufferedIntake(held, clock=ManualClock(), max_events=2)
    coming = [asyncio.create_task(buffer.receive(event(text))) for text in ("one", "two")]
    await wait_until(lambda: held.held == 1)
    with pytest.raises(IntakeUnavailable):
        await buffer.receive(event("three"))
    held.let_through.set()
    await asyncio.gather(*coming)
    assert texts(intake) == ["one", "two"]
    await buffer.aclose()


async def test_nobody_is_overtaken() -> None:
    """An event whose first attempt fails late is still stored before those that came after it."""
    clock, intake = ManualClock(), MemoryIntake()
    held = Held(intake)
    held.refuses = True
    buffer = BufferedIntake(held, clock=clock)
    coming = [asyncio.create_task(buffer.receive(event(text))) for text in ("said", "edited")]
    await wait_until(lambda: held.held >= 1)
    held.let_through.set()
    await asyncio.gather(*coming)
    await clock.advance(LONGEST_RETRY_S)
    assert texts(intake) == ["said", "edited"]
    await buffer.aclose()


async def test_an_event_that_can_not_be_stored_holds_up_no_other() -> None:
    """It is logged and left out; what waits behind it is stored."""
    clock, intake = ManualClock(), MemoryIntake()
    buffer = BufferedIntake(Refusing(intake, "poison"), clock=clock)
    intake.refuse()
    with capture_logs() as logged:
        for text in ("one", "poison", "two"):
            await buffer.receive(event(text))
        await clock.advance(LONGEST_RETRY_S)
    assert texts(intake) == ["one", "two"]
    assert [line["log_level"] for line in logged if "could not be taken in" in line["event"]] == [
        "error"
    ]
    await buffer.aclose()


async def test_at_the_end_it_is_tried_once_more() -> None:
    """The database came back while the buffer waited for its next attempt: nothing is lost."""
    clock, intake = ManualClock(), Stored()
    buffer = BufferedIntake(intake, clock=clock)
    intake.away = True
    for text in ("one", "two"):
        await buffer.receive(event(text))
    await clock.advance(0)
    intake.away = False
    with capture_logs() as logged:
        await buffer.aclose()
    assert texts(intake) == ["one", "two"]
    assert logged == []


async def test_what_is_lost_at_the_end_is_said() -> None:
    """With the database still away, an operator reads how many events went down with the process."""
    intake = Stored()
    buffer = BufferedIntake(intake, clock=ManualClock())
    intake.away = True
    for text in ("one", "two"):
        await buffer.receive(event(text))
    with capture_logs() as logged:
        await buffer.aclose()
    assert [line["events"] for line in logged if line["log_level"] == "error"] == [2]
