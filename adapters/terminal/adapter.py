"""The terminal as a platform: the simplest adapter, and the model for others."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from adapters.terminal.choosing import option_in, question_of
from adapters.terminal.console import is_terminal, terminal_kept, view_of
from adapters.terminal.files import FileFolder
from adapters.terminal.lines import Lines, PipedLines, ThreadedLines, prompted_lines
from adapters.terminal.reports import report_line
from adapters.terminal.transcript import Entry, Transcript
from adapters.terminal.view import PROMPT, View
from bot.ports import (
    AdapterSetup,
    Capabilities,
    Choice,
    Intake,
    IntakeUnavailable,
    OutgoingFile,
    Part,
    PlatformError,
    PlatformUnavailable,
    Shown,
    TurnReport,
)
from bot.vocabulary import (
    Attachment,
    Channel,
    ChannelKind,
    ChoiceMade,
    Clock,
    Event,
    Message,
    MessageReceived,
    Person,
    StopRequested,
    Thread,
)

NAME: Final = "terminal"
MAX_CHARS: Final = 100_000
"""A terminal has no limit; a record of the transcript should have one."""

WATCHED_CHANGE_S: Final = 0.05
"""Text flows where a person watches; elsewhere interim text only goes into the transcript, and the
engine's own pace will do."""

IDLE_PER_DRAWING: Final = 10
"""A long code block takes a while to colour: drawing may take a tenth of the time, no more."""

HAND_IN_AGAIN_S: Final = 0.5
WRITE_AGAIN_S: Final = 5.0


class TerminalAdapter:
    """One person's conversation in a terminal, a pipe, or a script.

    The transcript is the server: lines are written there before they are handed in, and what the
    bot shows is what its replay shows. `run` returns at the end of the input, once nothing is owed
    any more. A line is handed in when the one before has been answered.
    """

    def __init__(
        self,
        *,
        transcript: Transcript,
        view: View,
        lines: Lines,
        clock: Clock,
        thread_id: str = "main",
        person: Person | None = None,
        first_message: str | None = None,
        watched: bool = False,
        files: FileFolder | None = None,
        max_chars: int = MAX_CHARS,
    ) -> None:
        self._transcript = transcript
        self._view = view
        self._lines = lines
        self._clock = clock
        self._person = person or Person("you", "you", admin=True)
        self._files = files
        self._first_message = first_message
        self._watched = watched
        self._capabilities = Capabilities(max_chars=max_chars, status=True, redelivers=True)
        self._opening = asyncio.Lock()
        self._news = asyncio.Event()
        self._choice: Choice | None = None
        self._stop_request: asyncio.Task[None] | None = None
        self._ready = False
        self.thread = Thread(Channel(NAME, "local", "terminal", ChannelKind.DIRECT), thread_id)
        """The one thread there is."""

    @classmethod
    def from_setup(cls, setup: AdapterSetup) -> "TerminalAdapter":
        """The adapter for this process's terminal. `settings` may hold `first_message` and
        `transcript`, the path of a file other than `terminal.jsonl` beside the database."""
        path = setup.settings.get("transcript") or setup.data_dir / "terminal.jsonl"
        first = setup.settings.get("first_message")
        watched = is_terminal(sys.stdout)
        typed = watched and is_terminal(sys.stdin)
        return cls(
            transcript=Transcript(path=Path(str(path)), clock=setup.clock),
            view=view_of(sys.stdout),
            lines=ThreadedLines(prompted_lines(PROMPT) if typed else PipedLines(descriptor=0)),
            clock=setup.clock,
            first_message=None if first is None else str(first),
            watched=watched,
            files=FileFolder(path=setup.data_dir / "files"),
        )

    @property
    def name(self) -> str:
        """`terminal`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """It has a sign of being at work, and one long message per answer."""
        return self._capabilities

    @property
    def ready(self) -> bool:
        """What was typed earlier has been handed in, and lines are being read."""
        return self._ready

    async def run(self, intake: Intake) -> None:
        """Talk until the input ends or the person does.

        Raises:
            PlatformError: the transcript can't be used.
        """
        await self._open()
        talk = asyncio.create_task(self._talk(intake), name="terminal talk")
        try:
            with self._interruptible(intake, talk), terminal_kept(sys.stdin):
                await asyncio.wait({talk})
        finally:
            self._ready = False
            await _ended(talk, self._stop_request)
            self._view.close()
        if not talk.cancelled():
            talk.result()

    async def aclose(self) -> None:
        """Let go of the transcript; a later verb takes it up again."""
        self._transcript.close()

    # What the person says

    async def _talk(self, intake: Intake) -> None:
        for entry in self._view.open(self._transcript.entries):
            self._seen(entry)
        for entry in self._transcript.owed:
            await self._hand_in(intake, entry)
        self._ready = True
        await self._nothing_owed(intake)
        first, self._first_message = self._first_message, None
        line = first or await self._lines.next()
        while line is not None:
            if line.strip():
                await self._hand_in(intake, await self._written_down(line))
                await self._nothing_owed(intake)
            line = await self._lines.next()

    async def _written_down(self, line: str) -> Entry:
        """The line as it stands in the transcript; a full disk is waited for."""
        while True:
            try:
                return self._transcript.say(self.thread.id, line)
            except PlatformUnavailable as error:
                self._view.remark(f"not sent yet: {error}")
                await self._clock.sleep(WRITE_AGAIN_S)

    async def _hand_in(self, intake: Intake, entry: Entry) -> None:
        """Make a line durable, however long that takes; until then it waits in the transcript."""
        message = Message(
            thread=self._thread_named(entry.thread),
            id=entry.id,
            author=self._person,
            text=entry.text,
            sent_at=entry.at,
            addressed=True,
        )
        self._stop_request = None
        await self._deliver(intake, MessageReceived(message))

    async def _deliver(self, intake: Intake, event: Event) -> None:
        while True:
            try:
                return await intake.receive(event)
            except IntakeUnavailable:
                await self._clock.sleep(HAND_IN_AGAIN_S)

    async def _nothing_owed(self, intake: Intake) -> None:
        """Wait until every line has come to its end; put the bot's own questions to the person."""
        while self._transcript.owed:
            self._news.clear()
            await self._news.wait()
            if self._choice is not None:
                await self._choose(intake, self._choice)

    async def _choose(self, intake: Intake, choice: Choice) -> None:
        """The next line answers the question; one that is no answer is asked again."""
        while self._choice == choice:
            self._view.question(question_of(choice))
            line = await self._lines.next()
            option = option_in(line, choice)
            if option is not None and self._choice == choice:
                self._choice = None
                event = ChoiceMade(self.thread, choice.id, option, self._person)
                await self._deliver(intake, event)

    @contextlib.contextmanager
    def _interruptible(self, intake: Intake, talk: "asyncio.Task[None]") -> Iterator[None]:
        """Ctrl-C stops a running answer; where none is running, or again, it ends the talk, and what
        is owed is not waited for any more, here or at the next start."""
        if not self._watched:
            yield
            return
        loop = asyncio.get_running_loop()

        def interrupted() -> None:
            if self._transcript.owed and self._stop_request is None:
                self._stop_request = asyncio.create_task(self._ask_to_stop(intake))
            else:
                self._settle(self.thread)
                talk.cancel()

        loop.add_signal_handler(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    async def _ask_to_stop(self, intake: Intake) -> None:
        with contextlib.suppress(IntakeUnavailable):  # then Ctrl-C once more ends it all
            await intake.receive(StopRequested(self.thread, self._person))

    # What the bot says

    async def show_status(self, thread: Thread, text: str | None) -> None:
        """A spinner. That it is taken away without a message means that the turn came to nothing."""
        await self._open()
        if text is None:
            self._settle(thread)
        self._view.working(text)

    async def post(self, thread: Thread, part: Part) -> Shown:
        """Add a message to the transcript, and show it."""
        await self._open()
        return self._show(self._transcript.post(thread.id, part), part.choice)

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """Change a message in the transcript, and on the screen where it can be."""
        await self._open()
        return self._show(self._transcript.edit(message_id, part), part.choice)

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """Save a file beside the database, and say where it is."""
        await self._open()
        if self._files is None:
            raise PlatformError("this terminal has no place for files")
        path = await asyncio.to_thread(self._files.save, file)
        part = Part(mark=file.mark, markdown=f"Saved as `{path}`", final=True)
        return (await self.post(thread, part)).message_id

    async def delete(self, thread: Thread, message_id: str) -> None:
        """Take a message out of the transcript, and off the screen where it can be."""
        await self._open()
        entry = self._transcript.delete(message_id)
        if entry is not None:
            self._view.removed(entry)

    async def find(self, thread: Thread, mark: str) -> str | None:
        """The message with this mark."""
        await self._open()
        return self._transcript.find(thread.id, mark)

    async def notice(self, thread: Thread, person: Person, text: str, mark: str) -> None:
        """A message like any other: only one person reads here."""
        await self.post(thread, Part(mark=mark, markdown=text, final=True))

    async def report(self, thread: Thread, report: TurnReport) -> None:
        """The turn is over: a dim line tells what it used, and the next line may be typed."""
        if self._transcript.owed:
            self._view.remark(report_line(report))
        self._settle(thread)

    async def introduce(self, message: Message) -> Message:
        """The message: all that there is to know came with it."""
        return message

    async def find_channel(self, target: str) -> Channel:
        """The terminal, whatever it is called."""
        return self.thread.channel

    async def said_before(self, message: Message) -> Sequence[Message]:
        """Nothing: the bot heard every line."""
        return ()

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """Lines have no attachments."""
        raise PlatformError(f"{attachment.name}: there are no attachments in a terminal")

    def _show(self, entry: Entry, choice: Choice | None) -> Shown:
        if choice != self._choice:
            self._choice = choice
            self._news.set()
        started = self._clock.monotonic()
        if self._view.shown(entry):
            self._seen(entry)
        drawing_s = self._clock.monotonic() - started
        pause_s = max(WATCHED_CHANGE_S, IDLE_PER_DRAWING * drawing_s) if self._watched else 0.0
        return Shown(entry.id, pause_s)

    def _seen(self, entry: Entry) -> None:
        """Printed; if that can't be noted, it is printed once more at the next start."""
        if not entry.seen:
            with contextlib.suppress(PlatformUnavailable):
                self._transcript.see(entry.id)

    def _settle(self, thread: Thread) -> None:
        self._transcript.settle(thread.id)
        self._news.set()

    def _thread_named(self, thread_id: str) -> Thread:
        return Thread(self.thread.channel, thread_id)

    async def _open(self) -> None:
        """Reading the file may take a moment, so a thread does it, once."""
        async with self._opening:
            if not self._transcript.is_open:
                await asyncio.to_thread(self._transcript.open)


async def _ended(*tasks: asyncio.Task[None] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
