"""The people before a platform: they ask, look on, and note when they saw what."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from bot.ports import Capabilities, Intake, OutgoingFile, Part, PlatformError, Shown
from bot.vocabulary import Attachment, Channel, Message, MessageReceived, Person, Thread

PLACEHOLDER = "…"
DEADLINE_S = 120.0


@dataclass(slots=True)
class Seen:
    """What somebody saw after a question; times in seconds since it was asked."""

    text: str = ""
    feedback_s: float = 0.0
    first_text_s: float = 0.0
    final_s: float = 0.0


class _Question:
    """A question whose answer is being watched."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.final = asyncio.get_running_loop().create_future()
        self.asked_at = time.perf_counter()

    def show(self, part: Part) -> None:
        """Something appeared."""
        after_s, seen = time.perf_counter() - self.asked_at, self.seen
        seen.text = part.markdown
        seen.feedback_s = seen.feedback_s or after_s
        if part.markdown != PLACEHOLDER:
            seen.first_text_s = seen.first_text_s or after_s
        if part.final and not self.final.done():
            seen.final_s = after_s
            self.final.set_result(None)


class Audience:
    """The people and their platform in one, as an adapter. It takes no time and keeps nothing, so that
    what is measured is the service's; a reply is one message."""

    name = "audience"
    capabilities = Capabilities(max_chars=40_000)

    def __init__(self) -> None:
        self.ready = False
        self._intake: asyncio.Future[Intake] = asyncio.get_running_loop().create_future()
        self._questions: dict[str, _Question] = {}
        self._ids = count(1)

    def thread(self, name: str) -> Thread:
        """A thread in a channel of its own."""
        return Thread(Channel(self.name, "home", f"c{name}"), name)

    def asked_at(self, thread_key: str) -> float:
        """When the thread's present question was asked, by `time.perf_counter`."""
        return self._questions[thread_key].asked_at

    async def ask(self, thread: Thread, text: str) -> Seen:
        """Ask, and wait for the whole answer. Raises `TimeoutError`."""
        intake = await self._intake
        question = self._questions[thread.key] = _Question()
        await intake.receive(MessageReceived(self._message(thread, text)))
        async with asyncio.timeout(DEADLINE_S):
            await question.final
        del self._questions[thread.key]
        return question.seen

    async def run(self, intake: Intake) -> None:
        """Let the people ask."""
        self._intake.set_result(intake)
        self.ready = True
        await asyncio.Event().wait()

    async def show_status(self, thread: Thread, text: str | None) -> None:
        """There is no such sign here: a placeholder is posted."""

    async def post(self, thread: Thread, part: Part) -> Shown:
        """Show a new message."""
        self._show(thread, part)
        return Shown(f"p{next(self._ids)}")

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """Change a message."""
        self._show(thread, part)
        return Shown(message_id)

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """Nobody sends files here."""
        raise PlatformError(f"{file.name}: no files here")

    async def delete(self, thread: Thread, message_id: str) -> None:
        """Nothing is kept, so nothing needs to go."""

    async def find(self, thread: Thread, mark: str) -> str | None:
        """Nothing is kept, so nothing is found."""

    async def notice(self, thread: Thread, person: Person, text: str, mark: str) -> None:
        """A benchmark goes well beyond no limit: whoever is told of one spoils it."""
        raise AssertionError(f"{person.name} was told: {text}")

    async def introduce(self, message: Message) -> Message:
        """Everybody is known."""
        return message

    async def find_channel(self, target: str) -> Channel:
        """Nobody looks for one."""
        raise PlatformError(f"{target}: no channels here")

    async def said_before(self, message: Message) -> Sequence[Message]:
        """Nobody spoke before."""
        return ()

    async def aclose(self) -> None:
        """Nothing is held."""

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """Nobody sends files."""
        raise PlatformError("there are no files here")

    def _show(self, thread: Thread, part: Part) -> None:
        question = self._questions.get(thread.key)
        if question is not None:
            question.show(part)

    def _message(self, thread: Thread, text: str) -> Message:
        return Message(
            thread=thread,
            id=f"q{next(self._ids)}",
            author=Person("U1", "Ada"),
            text=text,
            sent_at=datetime.now(UTC),
            addressed=True,
        )
