"""People change their minds: they edit, delete and stop."""

from bot.vocabulary import EntryStatus
from sandbox.claude import BillStatus, Pace, Reply
from tests.engine_rig import GRACE, Rig, engine
from tests.support import wait_until

WORDY = "one two three four five six seven eight nine ten"
ONE_AT_A_TIME = Pace(tokens_per_chunk=1)
ONE_A_MINUTE = "[limits]\nchannel_messages = 1\nchannel_per_s = 60"


async def _while_writing(rig: Rig) -> None:
    """Return when the first words of an answer are shown, and no more of them are coming."""
    await rig.claude.wait_for_held()
    await wait_until(lambda: "one two" in "".join(rig.replies()), what="the first words")


def _hold_wordy(rig: Rig) -> None:
    rig.claude.script.next(Reply(WORDY, pace=ONE_AT_A_TIME))
    rig.claude.hold(after_chunks=4)


async def test_an_edited_message_that_waits_is_answered_as_edited(ready_url: str) -> None:
    """Behind a running turn a question is changed: Claude sees the new words alone."""
    async with engine(ready_url) as rig:
        rig.claude.hold()
        rig.say("First?")
        await rig.claude.wait_for_held()
        second = rig.say("What is 2 + 2?")
        await rig.taken_in()
        rig.platform.change(second, "What is 3 + 3?")
        await rig.taken_in()
        rig.claude.release()
        await rig.answer_to(second)
        assert len(rig.asked) == 2
        assert rig.asked[-1].text.endswith("What is 3 + 3?")
        assert "2 + 2" not in rig.asked[-1].whole


async def test_an_edit_restarts_the_running_answer_in_the_same_message(ready_url: str) -> None:
    """The half-written answer gives way to one to the new question; what it cost is booked."""
    async with engine(ready_url) as rig:
        _hold_wordy(rig)
        question = rig.say("What is 2 + 2?")
        await _while_writing(rig)
        rig.claude.script.next("Six.")
        rig.platform.change(question, "What is 3 + 3?")
        await rig.claude.wait_for_request(2)
        rig.claude.release()
        assert await rig.answer_to(question) == "Six."
        assert len(rig.platform.posted) == 1, "the same message, from the first word on"
        assert rig.asked[-1].said == (("user", "[Ada says:]\nWhat is 3 + 3?"),)
        assert [row.status for row in await rig.ledger()] == [
            EntryStatus.ESTIMATED.value,
            EntryStatus.COMPLETED.value,
        ]


async def test_an_edit_that_changes_nothing_restarts_nothing(ready_url: str) -> None:
    """Platforms report edits for link previews too: the running answer goes on."""
    async with engine(ready_url) as rig:
        rig.claude.hold()
        question = rig.say("See https://example.org")
        await rig.claude.wait_for_held()
        rig.platform.change(question, question.text)
        await rig.taken_in()
        rig.claude.release()
        await rig.answer_to(question)
        assert len(rig.claude.requests) == 1


async def test_a_message_deleted_while_it_waits_is_dropped(ready_url: str) -> None:
    """Of two waiting messages one is taken back: the other alone is answered."""
    async with engine(ready_url) as rig:
        rig.claude.hold()
        rig.say("First?")
        await rig.claude.wait_for_held()
        regretted, kept = rig.say("My password is hunter2"), rig.say("Never mind.")
        await rig.taken_in()
        rig.platform.take_back(regretted)
        await rig.taken_in()
        rig.claude.release()
        await rig.answer_to(kept)
        assert "hunter2" not in rig.asked[-1].whole
        assert len(rig.replies()) == 2


async def test_a_question_deleted_while_it_is_answered_leaves_nothing(ready_url: str) -> None:
    """The half-written answer is withdrawn, and the thread forgets the question."""
    async with engine(ready_url) as rig:
        _hold_wordy(rig)
        question = rig.say("What is 2 + 2?")
        await _while_writing(rig)
        rig.platform.take_back(question)
        await rig.at_rest()
        assert rig.replies() == []
        rig.claude.release()
        await rig.ask("Something else?")
        assert "2 + 2" not in rig.asked[-1].whole


async def test_a_queued_question_that_is_deleted_disappears_at_once(ready_url: str) -> None:
    """Its notice of being queued is taken away long before its time comes."""
    async with engine(ready_url, ONE_A_MINUTE) as rig:
        await rig.ask("First?", thread=rig.thread("1"))
        waiting = rig.thread("2")
        question = rig.say("Second?", thread=waiting)
        await rig.shows("queued", waiting)
        await rig.lets_go(waiting)
        rig.platform.take_back(question)
        await rig.at_rest(waiting)
        assert rig.replies(waiting) == []
        assert len(rig.claude.requests) == 1


async def test_a_stopped_answer_keeps_what_was_written(ready_url: str) -> None:
    """The text so far stays, says that it was stopped, and its cost is booked as an estimate."""
    async with engine(ready_url) as rig:
        _hold_wordy(rig)
        question = rig.say("Count.")
        await _while_writing(rig)
        rig.platform.stop(rig.thread(), GRACE)
        end = await rig.end_of(question)
        assert end.outcome == "stopped"
        assert end.text.startswith("one two")
        assert "ten" not in end.text
        assert end.text.endswith("_Stopped._")
        rig.claude.release()
        (row,) = await rig.ledger()
        assert row.status == EntryStatus.ESTIMATED.value
        await rig.claude.wait_for_bill()
        (billed,) = rig.claude.bill().of(BillStatus.ABORTED).rows
        assert row.input_tokens == billed.usage.input_tokens
        assert row.output_tokens > 0


async def test_a_stop_swallows_no_later_message(ready_url: str) -> None:
    """What was said while the stopped answer ran is answered next, with what had been written."""
    async with engine(ready_url) as rig:
        _hold_wordy(rig)
        first = rig.say("Count.")
        await _while_writing(rig)
        second = rig.say("Rather say hello.")
        await rig.taken_in()
        rig.claude.script.next("Hello.")
        rig.platform.stop(rig.thread(), GRACE)
        stopped = await rig.end_of(first)
        rig.claude.release()
        assert stopped.outcome == "stopped"
        assert await rig.answer_to(second) == "Hello."
        assert [role for role, _ in rig.asked[-1].said] == ["user", "assistant", "user"]
        assert rig.asked[-1].text == "[Ada says:]\nRather say hello."


async def test_a_queued_question_can_be_stopped(ready_url: str) -> None:
    """Stopping an answer that has not begun says so, and asks Claude nothing."""
    async with engine(ready_url, ONE_A_MINUTE) as rig:
        await rig.ask("First?", thread=rig.thread("1"))
        waiting = rig.thread("2")
        question = rig.say("Second?", thread=waiting)
        await rig.shows("queued", waiting)
        await rig.lets_go(waiting)
        rig.platform.stop(waiting, GRACE)
        assert await rig.answer_to(question) == "_Stopped before anything was written._"
        assert len(rig.claude.requests) == 1


async def test_a_stop_where_nothing_runs_is_ignored(ready_url: str) -> None:
    """A late click on stop changes neither the answer nor the next one."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("Fine.")
        assert await rig.ask("How are you?") == "Fine."
        rig.platform.stop(rig.thread(), GRACE)
        await rig.taken_in()
        assert await rig.ask("And now?") == "Fine."
        assert rig.replies() == ["Fine.", "Fine."]


async def test_changes_after_the_answer_are_ignored(ready_url: str) -> None:
    """An answered question that is edited or deleted starts nothing and takes nothing away."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("Four.")
        question = rig.say("What is 2 + 2?")
        await rig.answer_to(question)
        rig.platform.change(question, "What is 3 + 3?")
        rig.platform.take_back(question)
        await rig.at_rest()
        assert rig.replies() == ["Four."]
        assert len(rig.claude.requests) == 1
