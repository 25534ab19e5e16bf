"""Hardships that the engine bears: rows it can't read, platforms it lacks, notices that get lost."""

import pytest
from sqlalchemy import Connection, update

from bot.ports import PlatformUnavailable
from bot.vocabulary import Attachment, MessageReceived
from sandbox.claude import Fault
from storage import inbox, threads
from storage.tables import InboxRow
from storage.upsert import table
from tests.engine_rig import ADA, GRACE, engine
from tests.support import wait_until

REJECT = """
[limits]
channel_messages = 1
channel_per_s = 60
on_limit = "reject"
"""


def _spoil(connection: Connection, thread_key: str) -> None:
    rows = table(InboxRow)
    connection.execute(
        update(rows).where(rows.c.thread_key == thread_key).values(payload='{"from": "the future"}')
    )


async def test_a_row_of_another_release_stops_nobody_else(ready_url: str) -> None:
    """A message that can't be read is set aside; the next thread is answered all the same."""
    async with engine(ready_url, started=False) as rig:
        odd = rig.thread("odd")
        message = rig.platform.say("written by a newer release", thread=odd)
        await rig.database.write(inbox.put, message, now=rig.database.now())
        await rig.database.write(_spoil, odd.key)
        rig.platform.events.clear()
        rig.start()
        assert await rig.ask("Are you well?", thread=rig.thread("fine"))
        assert rig.replicas[0].running
        assert rig.replies(odd) == []


async def test_threads_of_other_platforms_are_left_alone(ready_url: str) -> None:
    """A process that can't speak on a platform does not touch what waits there for one that can."""
    async with engine(ready_url) as rig:
        elsewhere = rig.thread("far away", channel="general")
        message = MessageReceived(
            rig.platform.say("hello?", thread=elsewhere, addressed=True)
        ).message
        await rig.answer_to(message)
        other = type(elsewhere)(
            type(elsewhere.channel)("elsewhere", "home", "general", elsewhere.channel.kind), "1"
        )
        waiting = type(message)(
            thread=other,
            id="m-elsewhere",
            author=ADA,
            text="hello?",
            sent_at=rig.database.now(),
            addressed=True,
        )
        await rig.database.write(inbox.put, waiting, now=rig.database.now())
        await rig.ask("And here?", thread=rig.thread("near"))
        claimed = await rig.database.write(
            threads.claim,
            owner="a replica that can",
            now=rig.database.now(),
            lease_s=5.0,
            limit=10,
            platforms=["elsewhere"],
        )
        assert [row.key for row in claimed] == [other.key]


async def test_a_limit_that_cannot_be_told_aside_is_told_in_a_reply(ready_url: str) -> None:
    """The notice fails, so the person gets the sentence where the answer would have stood."""
    async with engine(ready_url, REJECT) as rig:
        await rig.ask("The first")
        rig.platform.fail("notice", PlatformUnavailable("down"))
        ended = await rig.end_of(rig.say("The second", thread=rig.thread("2")))
        assert ended.outcome == "limited"
        assert "limit of 1 answers" in ended.text


async def test_in_an_outage_no_answer_about_another_file_is_given(ready_url: str) -> None:
    """The same words with another file are another question."""

    def file(content: str) -> Attachment:
        return Attachment("notes.txt", "text/plain", len(content), content)

    config = "[claude]\nfallback_models = []\noutage_patience_s = 0\nmax_attempts = 1"
    async with engine(ready_url, config) as rig:
        rig.claude.script.next("It is about apples.")
        await rig.answer_to(
            rig.say("Summarise this file", attachments=[file("apples")], thread=rig.thread("1"))
        )
        rig.claude.fail_next(Fault.of_status(529), times=None)
        ended = await rig.end_of(
            rig.say("Summarise this file", attachments=[file("pears")], thread=rig.thread("2"))
        )
        assert ended.outcome == "failed"
        assert "apples" not in ended.text


async def test_a_long_thread_before_the_bot_does_not_make_a_question_too_long(
    ready_url: str,
) -> None:
    """Of what was said before only the newest is read along with the question."""
    config = "[context]\nmax_input_tokens = 1000"
    async with engine(ready_url, config) as rig:
        thread = rig.thread("old")
        for number in range(60):
            rig.say(f"remark {number}: " + "word " * 30, thread=thread, by=GRACE, addressed=False)
        await rig.taken_in()
        ended = await rig.end_of(rig.say("what did they decide?", thread=thread))
        assert ended.outcome == "answered"
        assert "remark 59" in rig.asked[-1].text
        assert "remark 0:" not in rig.asked[-1].text


@pytest.mark.parametrize("text", ["a\x00b", "half \ud800 a pair"])
async def test_odd_characters_harm_nothing(ready_url: str, text: str) -> None:
    """A question and an answer with characters that can't be stored are stored, with replacements."""
    async with engine(ready_url) as rig:
        rig.claude.script.next("x\x00y")
        assert await rig.ask(text) == "x\ufffdy"
        await wait_until(lambda: rig.asked, 5.0, what="a request")
        assert "\ufffd" in rig.asked[0].text
