"""The platform fails, or the service stops: at the end there is one whole reply, or an operator knows."""

import asyncio

import pytest

from bot.engine import delivery
from bot.ports import Capabilities, PlatformBusy, PlatformError, PlatformUnavailable
from sandbox.claude import BillStatus, Fault, Pace, Reply
from tests.engine_rig import Rig, engine
from tests.support import wait_until

WORDY = "one two three four five six seven eight nine ten"
ONE_AT_A_TIME = Pace(tokens_per_chunk=1)
STATUS = Capabilities(max_chars=2000, status=True)


async def _half_written(rig: Rig, question: str = "Count.") -> None:
    """An answer that stands still after its first words; `rig.claude.release()` lets it go on."""
    rig.claude.script.next(Reply(WORDY, pace=ONE_AT_A_TIME))
    rig.claude.hold(after_chunks=4)
    rig.say(question)
    await rig.shows("one two")


async def test_a_stop_in_the_middle_of_an_answer_loses_nothing(ready_url: str) -> None:
    """The next start goes on in the same message, with one complete answer, and the books are closed."""
    async with engine(ready_url) as rig:
        await _half_written(rig)
        await rig.stop_service()
        assert "nine" not in rig.replies()[0]
        rig.claude.release()
        rig.claude.script.always("All of it.")
        rig.start()
        await rig.at_rest()
        assert rig.replies() == ["All of it."]
        assert len(rig.platform.posted) == 1
        assert [row.status for row in await rig.ledger()] == ["estimated", "completed"]


async def test_a_stop_lets_a_quick_answer_finish(ready_url: str) -> None:
    """What can be finished in the time there is, is; nothing is asked twice."""
    async with engine(ready_url, "[engine]\nshutdown_s = 7") as rig:
        await _half_written(rig)
        adapter = rig.replicas[0].adapter
        stopping = asyncio.create_task(rig.stop_service())
        await wait_until(lambda: not adapter.ready, what="no more events taken in")
        rig.claude.release()
        await stopping
        assert rig.replies() == [WORDY]
        assert len(rig.claude.requests) == 1


async def test_what_waits_at_a_stop_is_answered_by_the_next_start(ready_url: str) -> None:
    """Messages that no turn had begun with are in the inbox still."""
    async with engine(ready_url) as rig:
        await _half_written(rig)
        rig.say("And then?")
        await rig.taken_in()
        await rig.stop_service()
        later = rig.say("Are you there?", thread=rig.thread("2"))
        rig.claude.release()
        rig.start()
        await rig.end_of(later)
        await rig.at_rest()
        assert "And then?" in " ".join(each.text for each in rig.asked)


async def test_a_busy_platform_gets_the_whole_answer_later(ready_url: str) -> None:
    """Asked to wait at the placeholder and at the end, the bot waits, and shows all of it."""
    async with engine(ready_url) as rig:
        busy = PlatformBusy("slow down", retry_after_s=0.05)
        rig.platform.fail("post", busy)
        rig.platform.fail("edit", busy, times=3)
        rig.claude.script.always(WORDY)
        assert await rig.ask("Count.") == WORDY
        assert rig.replies() == [WORDY]


@pytest.mark.parametrize("acted", [False, True], ids=["before-acting", "after-acting"])
@pytest.mark.parametrize("idempotent", [False, True], ids=["careless", "idempotent"])
async def test_a_lost_reply_to_a_post_makes_no_double(
    ready_url: str, acted: bool, idempotent: bool
) -> None:
    """Whether the placeholder was shown is not known: it is looked for, never posted twice."""
    async with engine(ready_url, idempotent=idempotent) as rig:
        rig.platform.fail("post", PlatformUnavailable("lost"), acted=acted)
        rig.claude.script.always(WORDY)
        assert await rig.ask("Count.") == WORDY
        assert rig.replies() == [WORDY]


async def test_a_reply_that_somebody_deletes_is_posted_anew(ready_url: str) -> None:
    """The half-written message disappears; the whole answer comes in a new one."""
    async with engine(ready_url) as rig:
        await _half_written(rig)
        (posted,) = rig.platform.posted.values()
        rig.platform.remove(posted.id)
        rig.claude.release()
        await rig.at_rest()
        assert rig.replies() == [WORDY]


async def test_a_closed_thread_is_given_up_and_others_are_not(ready_url: str) -> None:
    """Nothing can be said there any more: the answer is broken off and parked, the next thread served."""
    async with engine(ready_url) as rig:
        rig.claude.script.next(Reply("word " * 3000, pace=Pace(tokens_per_s=500)), when="Count.")
        question = rig.say("Count.")
        await rig.shows("word")
        rig.platform.close(rig.thread())
        ended = await rig.end_of(question)
        assert (ended.status, ended.outcome, ended.detail) == (
            "parked",
            "unreachable",
            "thread gone",
        )
        assert rig.claude.bill().of(BillStatus.ABORTED).rows, "nobody pays for what nobody reads"
        rig.claude.script.always("Yes.")
        assert await rig.ask("Are you there?", thread=rig.thread("2")) == "Yes."


async def test_an_undeliverable_answer_is_parked_and_can_be_retried(
    ready_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many attempts an operator has to look; their retry shows the answer, at no cost."""
    monkeypatch.setattr(delivery, "FIRST_REDELIVERY_S", 0.05)
    async with engine(ready_url, "[engine]\nmax_deliveries = 3\npoll_s = 0.1") as rig:
        rig.claude.script.always("Here you are.")
        refused = PlatformError("no such emoji")
        rig.platform.fail("edit", refused, times=20)
        ended = await rig.end_of(rig.say("May I have it?"))
        assert (ended.status, ended.detail) == ("parked", "undeliverable")
        rig.platform.recover()
        assert await rig.retry(ended)
        assert not await rig.retry(ended), "once is enough"
        await rig.at_rest()
        assert rig.replies()[-1] == "Here you are."
        assert len(rig.claude.requests) == 1


async def test_a_failed_turn_is_retried_as_if_it_had_never_been(ready_url: str) -> None:
    """The question is asked once, not once more for every attempt that failed."""
    async with engine(ready_url, "[claude]\nmax_attempts = 1\noutage_patience_s = 0") as rig:
        rig.claude.fail_next(Fault.of_status(401))
        question = rig.say("Why?")
        ended = await rig.end_of(question)
        assert ended.status == "parked"
        rig.claude.script.always("Because.")
        assert await rig.retry(ended)
        await rig.at_rest()
        assert rig.replies()[-1] == "Because."
        assert rig.asked[-1].said == (("user", "[Ada says:]\nWhy?"),)


async def test_a_defect_of_an_adapter_holds_nothing_up(
    ready_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter raises what it must not: the answer is delivered all the same, a little later."""
    monkeypatch.setattr(delivery, "FIRST_REDELIVERY_S", 0.05)
    async with engine(ready_url) as rig:
        rig.claude.script.always("Yes.")
        rig.platform.fail("edit", ZeroDivisionError("a defect"))
        assert await rig.ask("Are you there?") == "Yes."


async def test_with_a_status_no_placeholder_is_posted(ready_url: str) -> None:
    """Where the platform has a sign of its own, it is shown and goes away with the answer."""
    async with engine(ready_url, capabilities=STATUS) as rig:
        rig.claude.hold()
        question = rig.say("Why?")
        await wait_until(lambda: rig.platform.status, what="the sign")
        assert rig.replies() == []
        rig.claude.release()
        await rig.answer_to(question)
        assert rig.platform.status == {}
        assert len(rig.platform.posted) == 1
