"""A talk in the terminal: lines in turn, an end when all is answered, and nothing lost in between."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.memory import MemoryIntake, MemoryStore
from adapters.terminal import TerminalAdapter
from adapters.terminal.lines import Lines
from adapters.terminal.transcript import Transcript
from adapters.terminal.view import PlainView
from bot.ports import AdapterSetup, Part, PlatformError, TurnReport
from bot.vocabulary import (
    Attachment,
    MessageReceived,
    StopRequested,
    SystemClock,
    TurnOutcome,
    Usage,
)
from tests.support import wait_until

REPORT = TurnReport(outcome=TurnOutcome.ANSWERED, model="m", usage=Usage(1, 1), cost_nanousd=1)


class Typed(Lines):
    """Lines that a test types; None ends them."""

    def __init__(self, *lines: str | None) -> None:
        self.typed: asyncio.Queue[str | None] = asyncio.Queue()
        for line in lines:
            self.typed.put_nowait(line)

    async def next(self) -> str | None:
        return await self.typed.get()


@dataclass
class Talk:
    """One process's part of a talk."""

    adapter: TerminalAdapter
    intake: MemoryIntake
    output: io.StringIO
    running: "asyncio.Task[None]"

    @property
    def heard(self) -> list[str]:
        """What reached the intake, in order."""
        return [message.text for message in self.intake.messages]

    async def hear(self, count: int) -> None:
        """Wait until so many messages have reached the intake."""
        await wait_until(lambda: len(self.heard) >= count, what=f"{count} messages")

    async def answer(self, text: str, *, turn: str = "t") -> None:
        """Answer like the engine: first a bit, then all, then what it used."""
        thread, mark = self.adapter.thread, f"{turn}.0"
        shown = await self.adapter.post(thread, Part(mark, text[:2], final=False))
        await self.adapter.edit(thread, shown.message_id, Part(mark, text, final=True))
        await self.adapter.report(thread, REPORT)

    async def ended(self) -> None:
        """The talk comes to its end by itself."""
        async with asyncio.timeout(10):
            await self.running


@dataclass
class Desk:
    """Where talks take place: the file that outlives them."""

    path: Path
    intake: MemoryIntake = field(default_factory=MemoryIntake)

    @asynccontextmanager
    async def talk(
        self, *lines: str | None, first_message: str | None = None, watched: bool = False
    ) -> AsyncIterator[Talk]:
        """A process talks; at the end it is killed if it has not ended."""
        output = io.StringIO()
        adapter = TerminalAdapter(
            transcript=Transcript(path=self.path, clock=SystemClock()),
            view=PlainView(stream=output),
            lines=Typed(*lines),
            clock=SystemClock(),
            first_message=first_message,
            watched=watched,
        )
        running = asyncio.create_task(adapter.run(self.intake))
        try:
            yield Talk(adapter, self.intake, output, running)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await adapter.aclose()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk nobody has talked at."""
    return Desk(tmp_path / "terminal.jsonl")


async def test_each_line_waits_for_the_answer_to_the_one_before(desk: Desk) -> None:
    """Lines of a pipe are answered one after the other, and then the talk ends."""
    async with desk.talk("one", "", "  ", "two", None) as talk:
        await talk.hear(1)
        await talk.answer("first answer", turn="a")
        await talk.hear(2)
        assert not talk.running.done()
        await talk.answer("second answer", turn="b")
        await talk.ended()
        assert talk.heard == ["one", "two"]
        assert talk.output.getvalue() == "first answer\nsecond answer\n"


async def test_a_first_message_is_said_before_any_line(desk: Desk) -> None:
    """And once only."""
    async with desk.talk("then this", None, first_message="first this") as talk:
        await talk.hear(1)
        await talk.answer("A")
        await talk.hear(2)
        await talk.answer("B", turn="u")
        await talk.ended()
        assert talk.heard == ["first this", "then this"]


async def test_a_delay_that_is_told_is_not_the_answer(desk: Desk) -> None:
    """The talk goes on waiting after a final sentence, until the turn has come to its end."""
    async with desk.talk("one", None) as talk:
        await talk.hear(1)
        thread = talk.adapter.thread
        shown = await talk.adapter.post(thread, Part("t.0", "Yours is queued.", final=True))
        await asyncio.sleep(0)
        assert not talk.running.done()
        await talk.adapter.edit(thread, shown.message_id, Part("t.0", "The answer.", final=True))
        await talk.adapter.report(thread, REPORT)
        await talk.ended()
        assert talk.output.getvalue() == "Yours is queued.\nThe answer.\n"


async def test_a_turn_that_came_to_nothing_lets_the_talk_go_on(desk: Desk) -> None:
    """When the sign of work is taken away without an answer, the next line is heard."""
    async with desk.talk("one", "two") as talk:
        await talk.hear(1)
        await talk.adapter.show_status(talk.adapter.thread, "is thinking…")
        await talk.adapter.show_status(talk.adapter.thread, None)
        await talk.hear(2)


async def test_what_a_killed_process_had_heard_is_handed_in_again(desk: Desk) -> None:
    """With the same id, so that the intake knows it; nothing is read before it is answered."""
    async with desk.talk("one") as talk:
        await talk.hear(1)
    async with desk.talk("two", None) as talk:
        await wait_until(lambda: desk.intake.receipts == 2, what="the second receipt")
        assert talk.heard == ["one"]
        await talk.answer("the answer")
        await talk.hear(2)
        assert talk.output.getvalue() == "the answer\n"


async def test_an_answer_that_was_not_printed_is_printed_by_the_next_process(desk: Desk) -> None:
    """The answer was completed while nobody looked: the next process shows it, once."""
    async with desk.talk("one") as talk:
        await talk.hear(1)
        talk.output.close()
        await talk.answer("the answer")
    for printed in ("the answer\n", ""):
        async with desk.talk(None) as talk:
            await talk.ended()
            assert talk.output.getvalue() == printed


async def test_a_line_waits_for_an_intake_that_is_away(desk: Desk) -> None:
    """It is handed in again until it is kept."""
    desk.intake.refuse(2)
    async with desk.talk("one") as talk:
        await talk.hear(1)
        assert desk.intake.receipts == 3


async def test_ctrl_c_stops_an_answer_and_then_the_talk(desk: Desk) -> None:
    """The first asks the engine to stop, the second ends the talk; the line is not owed any more."""
    async with desk.talk("one", watched=True) as talk:
        await talk.hear(1)
        os.kill(os.getpid(), signal.SIGINT)
        await wait_until(lambda: len(desk.intake.events) == 2, what="the stop request")
        received, stop = desk.intake.events
        assert isinstance(received, MessageReceived)
        assert stop == StopRequested(received.message.thread, received.message.author)
        assert not talk.running.done()
        os.kill(os.getpid(), signal.SIGINT)
        await talk.ended()
    async with desk.talk(None) as talk:
        await talk.ended()


async def test_ctrl_c_at_the_prompt_ends_the_talk(desk: Desk) -> None:
    """Where nothing is being answered, there is nothing else to stop."""
    async with desk.talk(watched=True) as talk:
        await wait_until(lambda: talk.adapter.ready)
        os.kill(os.getpid(), signal.SIGINT)
        await talk.ended()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def test_a_second_talk_on_one_transcript_is_refused(desk: Desk) -> None:
    """It ends with a sentence that says what to do."""
    async with desk.talk() as talk:
        await wait_until(lambda: talk.adapter.ready)
        async with desk.talk() as second:
            with pytest.raises(PlatformError, match="another conversation is using"):
                await second.ended()


async def test_an_answer_can_still_be_shown_after_the_talk(desk: Desk) -> None:
    """While the service shuts down, what is under way is finished."""
    async with desk.talk(None) as talk:
        await talk.ended()
        await talk.answer("late")
        assert talk.output.getvalue() == "late\n"


async def test_there_is_nothing_to_fetch(desk: Desk) -> None:
    """An attachment is refused with the port's error."""
    async with desk.talk() as talk:
        with pytest.raises(PlatformError, match="no attachments in a terminal"):
            await talk.adapter.fetch(Attachment("a.png", "image/png", 1, "x"), max_bytes=1)


async def test_it_is_made_from_a_setup(tmp_path: Path) -> None:
    """The transcript stands beside the database; nothing is opened yet."""
    adapter = TerminalAdapter.from_setup(
        AdapterSetup(
            clock=SystemClock(),
            secrets={},
            addresses={},
            settings={},
            data_dir=tmp_path / "data",
            store=MemoryStore(),
        )
    )
    assert adapter.name == "terminal"
    assert not adapter.ready
    assert not (tmp_path / "data").exists()
    await adapter.post(adapter.thread, Part("t.0", "Hello", final=False))
    assert (tmp_path / "data" / "terminal.jsonl").exists()
    await adapter.aclose()
