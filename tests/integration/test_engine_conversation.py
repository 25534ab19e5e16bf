"""Conversations: who is answered, with what in mind, in which order."""

import pytest

from bot.vocabulary import Person
from sandbox.claude import Fault
from tests.engine_rig import ADA, GRACE, engine
from tests.support import wait_until


async def test_a_question_gets_one_answer(ready_url: str) -> None:
    """What Claude says is shown as one message, and nothing else with it."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("Paris, of course.")
        answer = await rig.ask("What is the capital of France?")
        assert answer == "Paris, of course."
        assert rig.replies() == ["Paris, of course."]
        assert rig.notices() == []


async def test_the_words_reach_claude_unchanged(ready_url: str) -> None:
    """However odd, what a person wrote is the end of the last user text."""
    words = "  **Tell** me:\n\n\t`x = [1]`  <@U2> \N{ZERO WIDTH JOINER} {braces} end\n "
    async with engine(ready_url) as rig:
        await rig.ask(words)
        (asked,) = rig.asked
        assert asked.text.endswith(words)
        assert asked.said[-1][0] == "user"


async def test_history_is_in_the_next_prompt(ready_url: str) -> None:
    """What was asked and answered before stands in front of the next question."""
    async with engine(ready_url) as rig:
        rig.claude.script.next("Blue.", "Because of the air.")
        thread = rig.thread(direct=True)
        await rig.ask("What colour is the sky?", thread=thread)
        await rig.ask("Why?", thread=thread)
        assert rig.asked[-1].said == (
            ("user", "What colour is the sky?"),
            ("assistant", "Blue."),
            ("user", "Why?"),
        )


async def test_threads_do_not_hear_each_other(ready_url: str) -> None:
    """Nothing said in one thread is sent along in another."""
    async with engine(ready_url) as rig:
        await rig.ask("My secret is swordfish.", thread=rig.thread("1"))
        await rig.ask("What is my secret?", thread=rig.thread("2"))
        assert "swordfish" not in rig.asked[-1].whole


async def test_claude_is_told_who_speaks_where_many_do(ready_url: str) -> None:
    """In a channel each question carries its speaker's name; in a DM it does not."""
    async with engine(ready_url) as rig:
        await rig.ask("Hello", by=GRACE)
        assert rig.asked[-1].text == "[Grace says:]\nHello"
        await rig.ask("Hello again", by=GRACE, thread=rig.thread("dm", channel="D1", direct=True))
        assert rig.asked[-1].text == "Hello again"


async def test_messages_that_come_meanwhile_are_answered_together(ready_url: str) -> None:
    """While an answer is written others speak: the next reply takes all of it up, in order."""
    async with engine(ready_url) as rig:
        rig.claude.hold()
        first = rig.say("One?")
        await rig.claude.wait_for_held()
        later = [rig.say("Two?", by=GRACE), rig.say("Three?"), rig.say("Four?", by=GRACE)]
        await rig.taken_in()
        assert len(rig.asked) == 1, "one turn at a time in a thread"
        rig.claude.release()
        first_end = await rig.end_of(first)
        ends = [await rig.end_of(each) for each in later]
        assert {end.turn_id for end in ends} == {ends[0].turn_id}
        assert ends[0].turn_id != first_end.turn_id
        assert rig.asked[-1].text == (
            "[Grace says:]\nTwo?\n\n[Ada says:]\nThree?\n\n[Grace says:]\nFour?"
        )
        assert len(rig.replies()) == 2


async def test_a_busy_thread_holds_up_no_other(ready_url: str) -> None:
    """While one thread waits for a Claude that says nothing, another is answered."""
    async with engine(ready_url) as rig:
        rig.claude.fail_next(Fault.hang())
        rig.say("Slow?", thread=rig.thread("slow"))
        await rig.claude.wait_for_request()
        rig.claude.script.always("Quick.")
        assert await rig.ask("Quick?", thread=rig.thread("quick")) == "Quick."
        assert rig.replies(rig.thread("slow")) == ["…"]


async def test_many_threads_are_answered_at_once(ready_url: str) -> None:
    """Twenty threads ask together: all their requests are under way before the first is answered."""
    async with engine(ready_url) as rig:
        rig.claude.script.always(lambda asked: f"Answer to {asked.question}")
        await rig.ask("Are you there?", thread=rig.thread("warm-up"))
        rig.claude.hold()
        asked = [rig.say(f"number {n}", thread=rig.thread(f"t{n}")) for n in range(20)]
        await rig.claude.wait_for_held(20)
        rig.claude.release()
        ends = await rig.ends_of(asked)
        assert [end.text for end in ends] == [f"Answer to number {n}" for n in range(20)]


async def test_a_duplicate_changes_nothing(ready_url: str) -> None:
    """The same message, delivered again before, during and after its turn, is answered once."""
    async with engine(ready_url) as rig:
        rig.claude.hold()
        question = rig.say("Once?")
        again = rig.platform.events[0]
        rig.platform.events.append(again)
        rig.platform.happened.set()
        await rig.claude.wait_for_held()
        rig.platform.events.append(again)
        rig.platform.happened.set()
        await rig.taken_in()
        rig.claude.release()
        await rig.answer_to(question)
        rig.platform.events.append(again)
        rig.platform.happened.set()
        await rig.at_rest()
        assert len(rig.replies()) == 1
        assert len(rig.claude.requests) == 1


async def test_a_thread_the_bot_is_not_in_is_none_of_its_business(ready_url: str) -> None:
    """Unaddressed talk where the bot never was is neither answered nor kept."""
    async with engine(ready_url) as rig:
        rig.say("Lunch?", addressed=False)
        await rig.at_rest()
        assert rig.replies() == []
        assert await rig.turn_count() == 0


@pytest.mark.parametrize(
    ("followups", "by", "is_answered"),
    [
        ("auto", ADA, True),
        ("auto", GRACE, False),
        ("mention", ADA, False),
        ("always", GRACE, True),
    ],
    ids=["auto-same-person", "auto-another", "mention", "always"],
)
async def test_followups_without_a_mention(
    ready_url: str, followups: str, by: Person, is_answered: bool
) -> None:
    """In a thread of its own the bot answers unaddressed messages as `followups` says."""
    async with engine(ready_url, f'[threads]\nfollowups = "{followups}"') as rig:
        await rig.ask("Hello?")
        rig.say("And now?", by=by, addressed=False)
        await rig.at_rest()
        assert len(rig.replies()) == (2 if is_answered else 1)


async def test_what_was_not_answered_is_remembered(ready_url: str) -> None:
    """What people said among themselves is known when the bot is asked again."""
    async with engine(ready_url) as rig:
        await rig.ask("Hello?")
        rig.say("I prefer tea.", by=GRACE, addressed=False)
        await rig.at_rest()
        await rig.ask("What does Grace prefer?")
        assert "[Grace says:]\nI prefer tea." in rig.asked[-1].whole
        assert rig.asked[-1].text.endswith("[Ada says:]\nWhat does Grace prefer?")


async def test_what_was_said_before_the_bot_came_is_told_once(ready_url: str) -> None:
    """Called into a running conversation, the bot reads what stands above; later it is history."""
    async with engine(ready_url) as rig:
        rig.say("The release is on Friday.", by=GRACE, addressed=False)
        await rig.ask("When is the release?")
        assert rig.asked[-1].text == (
            "[Said in this thread before:]\nGrace: The release is on Friday.\n\n"
            "[Ada says:]\nWhen is the release?"
        )
        await rig.ask("Are you sure?")
        assert rig.asked[-1].whole.count("The release is on Friday.") == 1
        assert rig.asked[-1].text == "[Ada says:]\nAre you sure?"


async def test_the_reply_is_shown_while_it_is_written(ready_url: str) -> None:
    """A sign at once, then text before the answer is complete, all in one message."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("First half. Second half.")
        rig.claude.hold()
        question = rig.say("Tell me.")
        await wait_until(lambda: rig.replies() == ["…"], what="the placeholder")
        rig.claude.release()
        await rig.answer_to(question)
        rig.claude.hold(after_chunks=1)
        question = rig.say("Again.")
        await wait_until(
            lambda: len(rig.replies()) == 2 and rig.replies()[-1].startswith("First"),
            what="the first words",
        )
        assert "Second half." not in rig.replies()[-1]
        rig.claude.release()
        assert await rig.answer_to(question) == "First half. Second half."
        assert len(rig.platform.posted) == 2


async def test_a_long_answer_is_split_and_whole(ready_url: str) -> None:
    """An answer longer than a platform message fills several, in order and without a loss."""
    paragraphs = [f"Paragraph {n}: " + "word " * 60 for n in range(20)]
    async with engine(ready_url) as rig:
        rig.claude.script.always("\n\n".join(paragraphs))
        end = await rig.end_of(rig.say("A long one, please."))
        assert len(end.shown) > 1
        assert all(len(text) <= 2000 for text in end.shown)
        shown = "\n\n".join(end.shown).split()
        assert shown == "\n\n".join(paragraphs).split()
