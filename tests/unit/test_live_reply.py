"""The visible reply: soon there, paced, and in the end exactly the text, whatever the platform does."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from adapters.memory import MemoryAdapter, MemoryPlatform
from bot.engine.live_reply import LiveReply
from bot.engine.split import split
from bot.ports import (
    Capabilities,
    PlatformBusy,
    PlatformError,
    PlatformUnavailable,
    ThreadGone,
)
from bot.vocabulary import ManualClock

LONG = "\n\n".join(f"Paragraph {number} " + "of many words " * 9 for number in range(12))
FAR = 1e9


@dataclass
class Stage:
    """A platform, a clock that stands still, and the replies made on them."""

    clock: ManualClock = field(default_factory=ManualClock)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(max_chars=400))
    next_change_in_s: float = 0.0
    saved: list[list[str]] = field(default_factory=list)
    replies: list[LiveReply] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.platform = MemoryPlatform(clock=self.clock, idempotent=False)
        self.thread = self.platform.thread()

    def reply(self, **changed: Any) -> LiveReply:
        """A reply of the turn `t`; of a later attempt if `recovering`."""

        async def save(ids: list[str]) -> None:
            self.saved.append(ids)

        adapter = MemoryAdapter(
            platform=self.platform,
            capabilities=self.capabilities,
            next_change_in_s=self.next_change_in_s,
        )
        given: dict[str, Any] = {
            "adapter": adapter,
            "thread": self.thread,
            "turn_id": "t",
            "clock": self.clock,
            "save": save,
        }
        self.replies.append(LiveReply(**{**given, **changed}))
        return self.replies[-1]

    async def pass_s(self, seconds: float = 0.0) -> None:
        """Whoever can go on does, then time passes."""
        await self.clock.advance(0)
        await self.clock.advance(seconds)

    @property
    def shown(self) -> list[str]:
        """What the person sees of the bot, from top to bottom."""
        return [posted.text for posted in self.platform.visible(self.thread)]

    async def finish_in_time(self, reply: LiveReply, text: str) -> None:
        """Finish while time goes by."""
        finishing = asyncio.create_task(reply.finish(text, deadline=FAR))
        for _ in range(1000):
            if finishing.done():
                break
            await self.pass_s(0.5)
        assert finishing.done(), "it did not finish within 500 s of the clock"
        await finishing


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A stage; at its end no reply has left a task behind."""
    stage = Stage()
    yield stage
    for reply in stage.replies:
        await reply.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("reply")]


async def test_a_placeholder_appears_before_any_text(stage: Stage) -> None:
    """Where the platform has no sign of being at work, a placeholder is posted at once."""
    reply = stage.reply()
    await reply.begin()
    await stage.pass_s()
    assert stage.shown == ["…"]
    assert reply.feedback_at is not None
    assert reply.first_text_at is None


async def test_a_sign_is_shown_where_the_platform_has_one(stage: Stage) -> None:
    """The sign stands until the text comes; no placeholder is posted."""
    stage.capabilities = Capabilities(max_chars=400, status=True)
    reply = stage.reply()
    await reply.begin()
    await stage.pass_s()
    assert stage.platform.status == {stage.thread.key: "is thinking…"}
    assert stage.shown == []
    reply.update("Hello")
    await stage.pass_s()
    assert stage.platform.status == {}
    assert stage.shown == ["Hello"]


async def test_the_first_text_is_shown_at_once(stage: Stage) -> None:
    """No time passes between the first text and its being seen in the placeholder's place."""
    reply = stage.reply()
    await reply.begin()
    await stage.pass_s(2)
    reply.update("Hello")
    await stage.pass_s()
    assert stage.shown == ["Hello"]
    assert reply.first_text_at == stage.clock.monotonic()


async def test_interim_changes_are_paced_and_may_be_dropped(stage: Stage) -> None:
    """Of many texts in a moment only the newest is shown, and each pause is longer than the last."""
    reply = stage.reply()
    await reply.begin()
    for number in range(1000):
        reply.update(f"text {number}")
        await stage.pass_s(0.01)
    versions = stage.platform.visible(stage.thread)[0].versions
    shown_at = [int(version.removeprefix("text ")) for version in versions[1:]]
    pauses = [later - earlier for earlier, later in pairwise(shown_at)]
    assert min(pauses) >= 39
    assert max(pauses) <= 101
    assert pauses == sorted(pauses)


async def test_the_pause_a_platform_asks_for_is_kept(stage: Stage) -> None:
    """No change comes sooner than the platform allows, the last one included."""
    stage.next_change_in_s = 5.0
    reply = stage.reply()
    reply.update("one")
    await reply.begin()
    await stage.pass_s()
    reply.update("one two")
    finishing = asyncio.create_task(reply.finish("one two three", deadline=FAR))
    await stage.pass_s(4.9)
    assert stage.shown == ["one"]
    await stage.pass_s(0.2)
    await finishing
    assert stage.shown == ["one two three"]


async def test_replies_do_not_slow_each_other(stage: Stage) -> None:
    """A platform that holds up one thread holds up no other."""
    slow, quick = stage.reply(), stage.reply(thread=stage.platform.thread("2"), turn_id="u")
    held = stage.platform.hold("post")
    slow.update("slow")
    await slow.begin()
    await held.arrived.wait()
    quick.update("quick")
    await quick.begin()
    await stage.pass_s()
    assert [p.text for p in stage.platform.visible(stage.platform.thread("2"))] == ["quick"]
    held.release()


async def test_a_growing_text_becomes_more_messages(stage: Stage) -> None:
    """Each prefix is shown in messages that fit, those before the last as they will stay."""
    reply, final = stage.reply(), split(LONG, stage.capabilities)
    await reply.begin()
    for length in range(1, len(LONG), 29):
        reply.update(LONG[:length])
        await stage.pass_s(1)
        shown = stage.shown
        assert shown[:-1] == final[: len(shown) - 1]
        assert "".join(shown) == LONG[:length]
    await stage.finish_in_time(reply, LONG)
    assert stage.shown == final
    assert len(final) > 3


async def test_finishing_edits_only_what_differs(stage: Stage) -> None:
    """A reply that stands already as it should is not touched again."""
    reply = stage.reply()
    await reply.begin()
    reply.update(LONG)
    await stage.pass_s(1)
    before = len(stage.platform.requests)
    await stage.finish_in_time(reply, LONG)
    assert stage.platform.requests[before:] == ["edit"]
    await stage.finish_in_time(reply, LONG)
    assert stage.platform.requests[before:] == ["edit"]


async def test_a_shorter_answer_leaves_no_surplus(stage: Stage) -> None:
    """When the answer starts again and gets shorter, the messages too many are deleted."""
    reply = stage.reply()
    reply.update(LONG)
    await reply.begin()
    await stage.pass_s(1)
    reply.update("")
    await stage.finish_in_time(reply, "Short after all.")
    assert stage.shown == ["Short after all."]
    assert stage.saved[-1] == reply.message_ids
    assert len(reply.message_ids) == 1


async def test_ids_are_saved_before_more_is_shown(stage: Stage) -> None:
    """Each message is made durable before the next one is posted."""
    reply = stage.reply()
    await stage.finish_in_time(reply, LONG)
    ids = [posted.id for posted in stage.platform.visible(stage.thread)]
    assert stage.saved == [ids[: count + 1] for count in range(len(ids))]


@pytest.mark.parametrize("verb", ["post", "edit"])
@pytest.mark.parametrize(
    "error", [PlatformBusy("slow down", retry_after_s=3), PlatformUnavailable("away")]
)
@pytest.mark.parametrize("acted", [False, True])
async def test_the_final_text_survives_failures(
    stage: Stage, verb: Any, error: PlatformError, acted: bool
) -> None:
    """However often the platform fails, before or after acting, the reply is there once, whole."""
    if acted and isinstance(error, PlatformBusy):
        acted = False  # busy means that nothing was shown
    reply = stage.reply()
    await reply.begin()
    stage.platform.fail(verb, error, times=3, acted=acted)
    reply.update("Half an ans")
    await stage.pass_s(0.3)
    await stage.finish_in_time(reply, LONG)
    assert stage.shown == split(LONG, stage.capabilities)


async def test_a_hung_request_is_given_up_and_asked_about(stage: Stage) -> None:
    """A post that hangs and was carried out all the same is found, not repeated."""
    held = stage.platform.hold("post", PlatformUnavailable("cut"), acted=True)
    reply = stage.reply(verb_timeout_s=0.01)
    reply.update("Hello")
    await reply.begin()
    await held.arrived.wait()
    await stage.finish_in_time(reply, "Hello, world")
    assert stage.shown == ["Hello, world"]
    assert stage.platform.requests == ["post", "find", "post"]


async def test_retry_after_is_honoured_before_the_end(stage: Stage) -> None:
    """Nothing is asked of a platform that is busy until it is ready again."""
    stage.platform.fail("post", PlatformBusy("slow down", retry_after_s=7))
    reply = stage.reply()
    finishing = asyncio.create_task(reply.finish("Hello", deadline=FAR))
    await stage.pass_s(6.9)
    assert stage.platform.requests == ["post"]
    await stage.pass_s(0.2)
    await finishing
    assert stage.shown == ["Hello"]


@pytest.mark.parametrize(
    "error", [PlatformBusy("slow down", retry_after_s=30), PlatformUnavailable("away")]
)
async def test_the_deadline_ends_the_attempts(stage: Stage, error: PlatformError) -> None:
    """When time is up the platform's own error is raised, and a later call brings it to the end."""
    stage.platform.fail("post", error, times=6)
    reply = stage.reply()
    finishing = asyncio.create_task(reply.finish("Hello", deadline=10))
    await stage.pass_s(10)
    with pytest.raises(type(error)):
        await finishing
    await stage.finish_in_time(reply, "Hello")
    assert stage.shown == ["Hello"]


@pytest.mark.parametrize("deleted", [0, -1])
async def test_a_deleted_message_is_posted_anew(stage: Stage, deleted: int) -> None:
    """When a message that is to change turns out to be deleted, it comes back, in its place."""
    reply = stage.reply()
    reply.update(LONG)
    await reply.begin()
    await stage.pass_s(1)
    stage.platform.remove(reply.message_ids[deleted])
    await stage.finish_in_time(reply, "Another beginning. " + LONG)
    assert stage.shown == split("Another beginning. " + LONG, stage.capabilities)


async def test_a_thread_that_is_gone_ends_the_reply(stage: Stage) -> None:
    """The engine learns that writing on is in vain, and finishing says so."""
    reply = stage.reply()
    await reply.begin()
    await stage.pass_s()
    stage.platform.close(stage.thread)
    reply.update("Hello")
    await stage.pass_s(1)
    assert isinstance(reply.lost, ThreadGone)
    with pytest.raises(ThreadGone):
        await reply.finish("Hello", deadline=FAR)


async def test_a_refusal_of_the_platform_is_not_repeated(stage: Stage) -> None:
    """What can't succeed is raised at once."""
    stage.platform.fail("post", PlatformError("not like this"))
    with pytest.raises(PlatformError, match="not like this"):
        await stage.reply().finish("Hello", deadline=FAR)
    assert stage.platform.requests == ["post"]


async def test_what_save_raises_reaches_the_engine(stage: Stage) -> None:
    """A holder that lost its lease can't save: the reply ends there."""

    async def refuse(_ids: list[str]) -> None:
        raise LookupError("the lease is lost")

    reply = stage.reply(save=refuse)
    await reply.begin()
    await stage.pass_s()
    with pytest.raises(LookupError, match="the lease is lost"):
        await reply.finish("Hello", deadline=FAR)


@pytest.mark.parametrize("text_so_far", ["", "Some text.", LONG])
async def test_withdrawing_leaves_nothing(stage: Stage, text_so_far: str) -> None:
    """Placeholder, text and saved ids are gone."""
    reply = stage.reply()
    await reply.begin()
    reply.update(text_so_far)
    await stage.pass_s(1)
    await reply.withdraw(deadline=FAR)
    assert stage.shown == []
    assert stage.saved[-1] == []


async def test_withdrawing_takes_the_sign_away(stage: Stage) -> None:
    """No sign of being at work stays behind."""
    stage.capabilities = Capabilities(max_chars=400, status=True)
    reply = stage.reply()
    await reply.begin()
    await stage.pass_s()
    await reply.withdraw(deadline=FAR)
    assert stage.platform.status == {}


async def test_unfinished_code_is_shown_closed(stage: Stage) -> None:
    """An interim view has no open code block; the final text is exactly what was written."""
    reply = stage.reply()
    await reply.begin()
    reply.update("Try:\n```py\nprint(")
    await stage.pass_s(1)
    assert stage.shown == ["Try:\n```py\nprint(\n```"]
    await stage.finish_in_time(reply, "Try:\n```py\nprint(")
    assert stage.shown == ["Try:\n```py\nprint("]


@pytest.mark.parametrize("text_so_far", ["", "Some text.", LONG[:500], LONG])
@pytest.mark.parametrize("saved", [True, False])
async def test_after_a_crash_the_same_messages_are_used(
    stage: Stage, text_so_far: str, saved: bool
) -> None:
    """A new attempt brings what is there to the final text, the last message saved or not."""
    first = stage.reply()
    await first.begin()
    first.update(text_so_far)
    await stage.pass_s(1)
    await first.aclose()
    ids = first.message_ids if saved else first.message_ids[:-1]
    second = stage.reply(message_ids=ids, recovering=True)
    await second.begin()
    await stage.finish_in_time(second, LONG)
    assert stage.shown == split(LONG, stage.capabilities)
    assert stage.platform.requests.count("post") == len(stage.shown)


async def test_after_a_crash_an_unsaved_surplus_is_found(stage: Stage) -> None:
    """A message that was posted but not saved does not stay behind a shorter final text."""
    first = stage.reply()
    await stage.finish_in_time(first, LONG[:500])
    assert len(stage.shown) == 2
    second = stage.reply(message_ids=first.message_ids[:1], recovering=True)
    await stage.finish_in_time(second, "Short.")
    assert stage.shown == ["Short."]


class Died(Exception):
    """The process was killed between a post and the saving of its id."""


@pytest.mark.parametrize("seed", range(60))
async def test_no_end_of_random_trouble_spoils_the_reply(stage: Stage, seed: int) -> None:
    """Random texts, failures and crashes, and always exactly the final text at the end."""
    chance = random.Random(seed)  # noqa: S311  (a reproducible course of events)
    durable: list[str] = []

    async def save(ids: list[str]) -> None:
        if chance.random() < 0.2:
            raise Died
        durable[:] = ids

    async def attempt(reply: LiveReply | None) -> LiveReply:
        if reply is not None:
            await reply.aclose()
        new = stage.reply(save=save, message_ids=tuple(durable), recovering=reply is not None)
        await new.begin()
        return new

    reply = await attempt(None)
    for _ in range(chance.randrange(15)):
        verb: Any = chance.choice(["post", "edit", "find", "delete"])
        acted = chance.random() < 0.5 and verb != "find"
        if chance.random() < 0.4:
            stage.platform.fail(verb, PlatformUnavailable("away"), acted=acted)
        reply.update(LONG[: chance.randrange(len(LONG))])
        await stage.pass_s(chance.random())
        if reply.lost or chance.random() < 0.2:
            reply = await attempt(reply)
    final = LONG[: chance.randrange(1, len(LONG))]
    while True:
        try:
            await stage.finish_in_time(reply, final)
            break
        except Died:
            reply = await attempt(reply)
    assert stage.shown == split(final, stage.capabilities)
    assert durable == reply.message_ids
