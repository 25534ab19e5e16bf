"""What every adapter must do, whatever its platform. A platform's tests subclass `AdapterContract` and
give it a `harness`, which plays the server's side and the people on it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import pytest

from adapters.memory import MemoryIntake
from bot.engine.live_reply import LiveReply
from bot.engine.split import split
from bot.ports import (
    MAX_MARK_CHARS,
    Adapter,
    MessageGone,
    Part,
    PlatformBusy,
    PlatformError,
    PlatformUnavailable,
    ThreadGone,
)
from bot.vocabulary import Clock, MessageReceived, Person, SystemClock, Thread
from tests.support import wait_until

MARK = "0123456789abcdef.0"
FINISH_S = 20.0


class HurriedClock(SystemClock):
    """The machine's clock for who need not wait as long as they would."""

    async def sleep(self, delay_s: float) -> None:
        """A twentieth of it."""
        await super().sleep(delay_s / 20)


class Failure(Enum):
    """What a platform can be made to do to the next request of a kind."""

    BUSY = "busy"
    """It asks to wait a moment."""
    AWAY = "away"
    """It fails, or can't be reached, before it acted."""
    ANSWER_LOST = "answer lost"
    """It acts, and its answer is lost."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the bot's as people see it."""

    id: str
    text: str


class AdapterHarness(ABC):
    """The server's side of a platform, and the adapter that speaks to it."""

    intake: MemoryIntake
    hostile: Sequence[str]
    """Texts that would ping somebody, or worse, if they were shown as they are."""

    @property
    @abstractmethod
    def adapter(self) -> Adapter:
        """The adapter now in use."""

    @property
    @abstractmethod
    def thread(self) -> Thread:
        """A thread the bot can speak in."""

    @abstractmethod
    async def restart(self) -> None:
        """Throw the adapter away as a crash does, and start a new one on the same platform."""

    @abstractmethod
    async def stop(self) -> None:
        """End the adapter; people can still say things."""

    @abstractmethod
    async def say(self, text: str) -> None:
        """A person says something the bot is meant to answer. Does not wait for the adapter."""

    @abstractmethod
    async def say_again(self) -> None:
        """The platform delivers the last message once more, as after a lost acknowledgement."""

    @abstractmethod
    def seen(self) -> list[Seen]:
        """What people see of the bot in the thread, from top to bottom."""

    @abstractmethod
    async def remove(self, message_id: str) -> None:
        """Somebody deletes a message of the bot's."""

    @abstractmethod
    def can_fail(self, verb: str, failure: Failure) -> bool:
        """This platform can fail so at `post`, `edit`, `delete` or `find`."""

    @abstractmethod
    def fail(self, verb: str, failure: Failure) -> None:
        """The next request of this kind fails."""

    @abstractmethod
    def close_thread(self) -> bool:
        """From now on nothing can be said in the thread; False where that can't happen."""

    def as_shown(self, text: str) -> str:
        """What the platform makes of a text, such as to trim white space at its ends."""
        return text

    @abstractmethod
    def harm_done(self) -> list[str]:
        """What a hostile text brought about: people pinged, terminals taken over."""


def part(text: str, *, mark: str = MARK, final: bool = True) -> Part:
    """A part of a reply."""
    return Part(mark=mark, markdown=text, final=final)


def long_text(max_chars: int) -> str:
    """About two and a half messages of prose, a list and code."""
    block = "Some **words** about `this`.\n\n- one item\n- another\n\n```python\nprint('hello')\n```\n\n"
    return block * (5 * max_chars // (2 * len(block)) + 1)


class AdapterContract:
    """The suite. Subclasses provide the fixture `harness`."""

    PREFIXES: ClassVar = 60
    """At so many prefixes a stream is looked at."""

    async def test_a_post_is_seen(self, harness: AdapterHarness) -> None:
        """What is posted stands in the thread under the id that is returned."""
        shown = await harness.adapter.post(harness.thread, part("Hello"))
        assert harness.seen() == [Seen(shown.message_id, "Hello")]
        assert shown.next_change_in_s >= 0

    async def test_an_edit_changes_the_message_in_place(self, harness: AdapterHarness) -> None:
        """There is still one message, with the new text."""
        posted = await harness.adapter.post(harness.thread, part("Hel", final=False))
        edited = await harness.adapter.edit(harness.thread, posted.message_id, part("Hello"))
        assert edited.message_id == posted.message_id
        assert harness.seen() == [Seen(posted.message_id, "Hello")]

    async def test_a_final_text_can_still_change(self, harness: AdapterHarness) -> None:
        """A notice that was final gives way to the answer, and an answer to a newer one."""
        posted = await harness.adapter.post(harness.thread, part("Queued."))
        await harness.adapter.edit(harness.thread, posted.message_id, part("The ans", final=False))
        await harness.adapter.edit(harness.thread, posted.message_id, part("The answer"))
        assert harness.seen() == [Seen(posted.message_id, "The answer")]

    async def test_the_same_edit_twice_is_fine(self, harness: AdapterHarness) -> None:
        """Repeating an edit after a lost answer changes nothing."""
        posted = await harness.adapter.post(harness.thread, part("Hello", final=False))
        for _ in range(2):
            await harness.adapter.edit(harness.thread, posted.message_id, part("Hello"))
        assert harness.seen() == [Seen(posted.message_id, "Hello")]

    async def test_a_deleted_message_is_gone(self, harness: AdapterHarness) -> None:
        """It is not seen, not found, and can't be edited; deleting it again is fine."""
        posted = await harness.adapter.post(harness.thread, part("Hello"))
        await harness.adapter.delete(harness.thread, posted.message_id)
        await harness.adapter.delete(harness.thread, posted.message_id)
        assert harness.seen() == []
        assert await harness.adapter.find(harness.thread, MARK) is None
        with pytest.raises(MessageGone):
            await harness.adapter.edit(harness.thread, posted.message_id, part("Hello?"))

    async def test_a_message_somebody_removed_is_gone(self, harness: AdapterHarness) -> None:
        """Editing it says so; deleting it is fine."""
        posted = await harness.adapter.post(harness.thread, part("Hello"))
        await harness.remove(posted.message_id)
        with pytest.raises(MessageGone):
            await harness.adapter.edit(harness.thread, posted.message_id, part("Hello?"))
        await harness.adapter.delete(harness.thread, posted.message_id)

    async def test_a_message_is_found_by_its_mark(self, harness: AdapterHarness) -> None:
        """The longest mark there may be finds its own message and no other, after a crash too."""
        marks = [f"{'x' * (MAX_MARK_CHARS - 2)}.{number}" for number in range(3)]
        ids = [
            (await harness.adapter.post(harness.thread, part(mark, mark=mark))).message_id
            for mark in marks
        ]
        await harness.restart()
        found = [await harness.adapter.find(harness.thread, mark) for mark in marks]
        assert found == ids
        assert await harness.adapter.find(harness.thread, "another.0") is None

    async def test_a_repeated_mark_does_not_confuse(self, harness: AdapterHarness) -> None:
        """After a second post with the same mark its text is seen, and its id can be edited."""
        await harness.adapter.post(harness.thread, part("one"))
        second = await harness.adapter.post(harness.thread, part("two"))
        assert Seen(second.message_id, "two") in harness.seen()
        await harness.adapter.edit(harness.thread, second.message_id, part("three"))
        assert Seen(second.message_id, "three") in harness.seen()

    async def test_the_limit_is_what_the_platform_shows(self, harness: AdapterHarness) -> None:
        """A text that measures exactly the limit is shown whole."""
        capabilities = harness.adapter.capabilities
        text = "x" * capabilities.max_chars
        assert capabilities.measure(text) == capabilities.max_chars
        await harness.adapter.post(harness.thread, part(text))
        assert [message.text for message in harness.seen()] == [text]

    async def test_a_sign_of_work_comes_and_goes(self, harness: AdapterHarness) -> None:
        """It may be shown, taken away and taken away again, and leaves no message behind."""
        for text in ("is thinking…", None, None):
            await harness.adapter.show_status(harness.thread, text)
        assert harness.seen() == []

    async def test_a_notice_is_told(self, harness: AdapterHarness) -> None:
        """It is seen in the thread, unless the platform can show it to one person alone."""
        person = Person("someone", "Someone")
        await harness.adapter.notice(harness.thread, person, "Please wait.", "turn.limit")
        texts = [message.text for message in harness.seen()]
        assert texts == ["Please wait."] or harness.adapter.capabilities.private_notices

    async def test_hostile_text_does_no_harm(self, harness: AdapterHarness) -> None:
        """Nobody is pinged and nothing taken over: by posts, edits or notices."""
        for number, text in enumerate(harness.hostile):
            mark = f"hostile.{number}"
            posted = await harness.adapter.post(harness.thread, part("…", mark=mark, final=False))
            await harness.adapter.edit(
                harness.thread, posted.message_id, part(text, mark=mark, final=False)
            )
            await harness.adapter.edit(harness.thread, posted.message_id, part(text, mark=mark))
            await harness.adapter.post(harness.thread, part(text, mark=f"{mark}.post"))
            person = Person("someone", text)
            await harness.adapter.notice(harness.thread, person, text, f"{mark}.n")
        assert harness.harm_done() == []

    @pytest.mark.parametrize("verb", ["post", "edit", "delete", "find"])
    @pytest.mark.parametrize("failure", list(Failure))
    async def test_failures_are_translated(
        self, harness: AdapterHarness, verb: str, failure: Failure
    ) -> None:
        """A busy or absent platform raises the port's own error, and the next attempt succeeds."""
        if not harness.can_fail(verb, failure):
            pytest.skip(f"this platform has no such failure: {failure.value}")
        posted = await harness.adapter.post(harness.thread, part("Hello"))
        expected = PlatformBusy if failure is Failure.BUSY else PlatformUnavailable
        harness.fail(verb, failure)
        with pytest.raises(expected) as raised:
            await self._do(harness, verb, posted.message_id)
        if isinstance(raised.value, PlatformBusy):
            assert 0 <= raised.value.retry_after_s < FINISH_S
        await self._do(harness, verb, posted.message_id)
        texts = [message.text for message in harness.seen()]
        assert texts == {"post": ["Hello", "more"], "edit": ["changed"], "delete": []}.get(
            verb, ["Hello"]
        )

    @staticmethod
    async def _do(harness: AdapterHarness, verb: str, message_id: str) -> None:
        adapter, thread = harness.adapter, harness.thread
        match verb:
            case "post":
                if await adapter.find(thread, "more.0") is None:
                    await adapter.post(thread, part("more", mark="more.0"))
            case "edit":
                await adapter.edit(thread, message_id, part("changed"))
            case "delete":
                await adapter.delete(thread, message_id)
            case _:
                assert await adapter.find(thread, MARK) == message_id

    async def test_a_closed_thread_is_gone(self, harness: AdapterHarness) -> None:
        """Posting where nothing can be said raises the final error."""
        if not harness.close_thread():
            pytest.skip("threads of this platform never close")
        with pytest.raises(ThreadGone):
            await harness.adapter.post(harness.thread, part("Hello"))

    async def test_what_a_person_says_is_handed_in(self, harness: AdapterHarness) -> None:
        """The message arrives with its words unchanged, addressed, in the thread, with an author."""
        text = "What is **bold** & <b>this</b>?  two  spaces"
        await harness.say(text)
        await wait_until(lambda: harness.intake.messages, what="the message in the intake")
        (message,) = harness.intake.messages
        assert message.text == text
        assert message.thread == harness.thread
        assert message.addressed
        assert message.author.id
        assert message.sent_at.tzinfo is not None

    async def test_a_message_that_is_delivered_twice_has_one_key(
        self, harness: AdapterHarness
    ) -> None:
        """The intake recognises a redelivered message as the one it has."""
        await harness.say("Hello")
        await wait_until(lambda: harness.intake.messages, what="the message in the intake")
        await harness.say_again()
        await wait_until(lambda: harness.intake.receipts >= 2, what="the second delivery")
        assert len({message.key for message in harness.intake.messages}) == 1

    async def test_what_could_not_be_kept_comes_again(self, harness: AdapterHarness) -> None:
        """A message the intake could not make durable is handed in later, not lost."""
        harness.intake.refuse()
        await harness.say("Hello")
        await wait_until(lambda: harness.intake.messages, what="the message in the intake")
        assert [message.text for message in harness.intake.messages] == ["Hello"]

    async def test_what_was_missed_is_caught_up(self, harness: AdapterHarness) -> None:
        """What is said while the adapter is away reaches the intake when it is back."""
        await harness.say("before")
        await wait_until(lambda: harness.intake.messages, what="the first message")
        await harness.stop()
        await harness.say("meanwhile")
        await harness.restart()
        await wait_until(
            lambda: "meanwhile" in [message.text for message in harness.intake.messages],
            what="the missed message",
        )

    async def test_the_bot_does_not_hear_itself(self, harness: AdapterHarness) -> None:
        """Its own messages and edits never come in as something a person said."""
        posted = await harness.adapter.post(harness.thread, part("Hel", final=False))
        await harness.adapter.edit(harness.thread, posted.message_id, part("Hello"))
        await harness.restart()
        await harness.say("I am a person")
        await wait_until(lambda: harness.intake.messages, what="the person's message")
        received = [e for e in harness.intake.events if isinstance(e, MessageReceived)]
        assert [event.message.text for event in received] == ["I am a person"]

    async def test_a_stream_is_right_at_every_prefix(self, harness: AdapterHarness) -> None:
        """While a reply is written no message exceeds the limit, settled ones stay, and in the end the
        messages are exactly the text."""
        capabilities = harness.adapter.capabilities
        text = long_text(capabilities.max_chars)
        final = [harness.as_shown(each) for each in split(text, capabilities)]
        reply = self._reply(harness)
        await reply.begin()
        step = max(1, len(text) // self.PREFIXES)
        for length in range(1, len(text), step):
            reply.update(text[:length])
            await asyncio.sleep(0)
            texts = [message.text for message in harness.seen()]
            assert all(capabilities.measure(shown) <= capabilities.max_chars for shown in texts)
            assert texts[:-1] == final[: max(0, len(texts) - 1)]
        await self._finish(reply, text)
        assert [message.text for message in harness.seen()] == final

    async def test_a_shorter_reply_leaves_nothing_behind(self, harness: AdapterHarness) -> None:
        """Messages beyond the final text are deleted."""
        reply = self._reply(harness)
        await self._finish(reply, long_text(harness.adapter.capabilities.max_chars))
        await self._finish(reply, "Short.")
        assert [message.text for message in harness.seen()] == ["Short."]

    @pytest.mark.parametrize("failure", list(Failure))
    async def test_a_reply_survives_failures(
        self, harness: AdapterHarness, failure: Failure
    ) -> None:
        """Failing posts and edits leave exactly one complete reply."""
        if not harness.can_fail("post", failure):
            pytest.skip(f"this platform has no such failure: {failure.value}")
        clock = SystemClock() if failure is Failure.BUSY else HurriedClock()
        reply = self._reply(harness, clock=clock)
        harness.fail("post", failure)
        await self._finish(reply, "Half a rep")
        harness.fail("edit", failure)
        await self._finish(reply, "Half a reply, and the other half.")
        texts = [message.text for message in harness.seen()]
        assert texts == ["Half a reply, and the other half."]

    @pytest.mark.parametrize("saved", [True, False])
    async def test_after_a_crash_the_reply_goes_on_in_its_messages(
        self, harness: AdapterHarness, saved: bool
    ) -> None:
        """A new process finds what the old one posted, its id saved or not, and posts nothing twice."""
        first = self._reply(harness)
        await self._finish(first, "Half a rep")
        (before,) = harness.seen()
        await first.aclose()
        await harness.restart()
        ids = [before.id] if saved else []
        second = self._reply(harness, message_ids=ids, recovering=True)
        await self._finish(second, "Half a reply, and the other half.")
        assert harness.seen() == [Seen(before.id, "Half a reply, and the other half.")]

    async def test_every_error_is_the_ports_own(self, harness: AdapterHarness) -> None:
        """Asking for what does not exist raises a platform error or succeeds; nothing else."""
        with pytest.raises(PlatformError):
            await harness.adapter.edit(harness.thread, "0", part("Hello"))
        await harness.adapter.delete(harness.thread, "0")

    @staticmethod
    def _reply(
        harness: AdapterHarness,
        *,
        message_ids: Sequence[str] = (),
        recovering: bool = False,
        clock: Clock | None = None,
    ) -> LiveReply:
        async def save(_ids: list[str]) -> None:
            """The contract needs no database."""

        return LiveReply(
            adapter=harness.adapter,
            thread=harness.thread,
            turn_id="0123456789abcdef",
            clock=clock or SystemClock(),
            save=save,
            message_ids=message_ids,
            recovering=recovering,
        )

    @staticmethod
    async def _finish(reply: LiveReply, text: str) -> None:
        await reply.finish(text, deadline=SystemClock().monotonic() + FINISH_S)
