"""Talking to the bot in Slack: where it answers, what it reads, and what people see meanwhile."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from sandbox.claude import Pace
from sandbox.slack import AgentStatus, Fault, MentionOrder, Upload
from tests.slack_rig import PATIENCE_S, SlackService, slack_service
from tests.support import wait_until

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
LONG = " ".join(f"word{number}" for number in range(80))
SLOW = Pace(first_token_s=0.02, tokens_per_s=250.0)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SlackService]:
    """A service that is connected."""
    async with slack_service(tmp_path) as running:
        yield running


async def test_a_mention_is_answered_in_its_thread(rig: SlackService) -> None:
    """The answer stands in the thread of the message, once; Claude reads the words and no mention."""
    rig.claude.script.always("Paris.")
    question = rig.slack.say("What is the capital of France?", mention=True)
    (answer,) = await rig.answers_to(question)
    assert (answer.text, answer.thread_ts) == ("Paris.", question.ts)
    assert rig.asked[-1].endswith("[Ada says:]\nWhat is the capital of France?")


@pytest.mark.parametrize("order", list(MentionOrder))
async def test_the_two_events_of_a_mention_are_one_question(
    rig: SlackService, order: MentionOrder
) -> None:
    """In either order, delivered again, and with lost acknowledgements: one answer."""
    rig.slack.mention_order = order
    rig.slack.withhold_acks(2)
    question = rig.slack.say("Hello?", mention=True)
    await rig.answers_to(question)
    rig.slack.repeat_events(2)
    await wait_until(lambda: rig.slack.acked >= 4, PATIENCE_S, what="all deliveries")
    follow_up = rig.slack.say("And again?", thread_ts=question.ts, mention=True)
    assert len(await rig.answers_to(follow_up, 2)) == 2
    assert len(rig.asked) == 2


async def test_a_mention_in_a_thread_of_people_is_answered_from_what_they_said(
    rig: SlackService,
) -> None:
    """Who said what, other bots and files too, by their names and not by ids."""
    root = rig.slack.bot_says("Build 7 failed.", name="CI")
    notes = Upload("notes.txt", b"disk full", "text/plain")
    rig.slack.say("I saw it, @grace", thread_ts=root.ts, files=[notes])
    rig.slack.say("Not me.", by="grace", thread_ts=root.ts)
    question = rig.slack.say("What is this about?", by="linus", thread_ts=root.ts, mention=True)
    await wait_until(lambda: rig.asked, PATIENCE_S, what="the request")
    (answer,) = [each for each in await rig.answers_to(question, 1) if each.author == "Parley"]
    assert answer.thread_ts == root.ts
    before, _, asked = rig.asked[-1].partition("\n\n[Linus says:]\n")
    assert asked == "What is this about?"
    assert "CI: Build 7 failed.\n" in before
    assert "Ada: I saw it, @Grace [file: notes.txt]\n" in before
    assert "Grace: Not me." in before


async def test_direct_messages_are_a_conversation(rig: SlackService) -> None:
    """The answer stands below the question, in no thread; what came before is known."""
    rig.claude.script.next("Hello, Ada.", "You are Ada.")
    first = rig.slack.say("I am Ada.", channel="@ada")
    (answer,) = await rig.answers_to(first)
    assert (answer.text, answer.thread_ts) == ("Hello, Ada.", None)
    second = rig.slack.say("Who am I?", channel="@ada")
    assert [each.text for each in await rig.answers_to(second, 2)] == [
        "Hello, Ada.",
        "You are Ada.",
    ]
    assert [text for _, text in rig.said_to_claude()] == ["I am Ada.", "Hello, Ada.", "Who am I?"]


async def test_a_thread_of_direct_messages_is_answered_there(rig: SlackService) -> None:
    """It is another conversation than the direct messages around it."""
    rig.claude.script.next("One.", "Two.")
    first = rig.slack.say("First", channel="@ada")
    await rig.answers_to(first)
    reply = rig.slack.say("Second", channel="@ada", thread_ts=first.ts)
    (answer,) = await rig.answers_to(reply)
    assert (answer.text, answer.thread_ts) == ("Two.", first.ts)


async def test_a_follow_up_needs_no_mention_while_one_person_speaks(rig: SlackService) -> None:
    """Once somebody else has joined, the bot waits for a mention."""
    question = rig.slack.say("Hello?", mention=True)
    await rig.answers_to(question)
    rig.slack.say("And more?", thread_ts=question.ts)
    await rig.answers_to(question, 2)
    acked = rig.slack.acked
    rig.slack.say("I think so too.", by="grace", thread_ts=question.ts)
    await wait_until(lambda: rig.slack.acked > acked, PATIENCE_S, what="that it was heard")
    last = rig.slack.say("Parley?", by="grace", thread_ts=question.ts, mention=True)
    await rig.answers_to(last, 3)
    assert len(rig.asked) == 3
    assert "I think so too." in "\n".join(text for _, text in rig.said_to_claude())


async def test_people_see_at_once_that_it_is_at_work(rig: SlackService) -> None:
    """A status below the thread, which gives way to the answer, and Slack's own stop button."""
    rig.claude.hold()
    question = rig.slack.say("Hello?", mention=True)

    def status() -> AgentStatus:
        return rig.slack.status("general", question.ts)

    await wait_until(lambda: status().text == "is thinking…", PATIENCE_S, what="the status")
    await wait_until(lambda: status().session == "processing", PATIENCE_S, what="the session")
    assert rig.replies(question) == []
    rig.claude.release()
    await rig.answers_to(question)
    await wait_until(lambda: status().session == "active", PATIENCE_S, what="the session's end")
    assert status().text == ""


async def test_where_there_is_no_status_a_placeholder_holds_the_place(rig: SlackService) -> None:
    """In direct messages, and where Slack refuses it: one message, which becomes the answer."""
    rig.slack.fail_next(Fault.of_error("not_allowed"), method="assistant.threads.setStatus")
    for channel in ("@ada", "general"):
        rig.claude.hold()
        question = rig.slack.say("Hello?", channel=channel, mention=channel == "general")
        await wait_until(partial(rig.shows, question, "…"), PATIENCE_S, what="the placeholder")
        assert [reply.text for reply in rig.replies(question)] == ["…"]
        rig.claude.release()
        (answer,) = await rig.answers_to(question)
        assert answer.text != "…"
    assert len(rig.slack.calls("assistant.threads.setStatus")) == 1, "it is remembered"


async def test_an_answer_is_streamed(rig: SlackService) -> None:
    """People read along: the text grows, and is exact in the end."""
    rig.claude_writes(LONG, SLOW)
    question = rig.slack.say("Tell me a story.", mention=True)
    (answer,) = await rig.answers_to(question)
    assert answer.text == LONG
    versions = rig.slack.history_of(answer.key)
    assert len(versions) > 2
    assert all(LONG.startswith(version) for version in versions)
    assert rig.slack.call_counts.get("chat.postMessage", 0) == 0


async def test_where_streams_are_refused_messages_are_edited(rig: SlackService) -> None:
    """It is refused once and remembered, also by the next process."""
    rig.slack.set_streaming(False)
    rig.claude_writes(LONG, SLOW)
    for _ in range(2):
        question = rig.slack.say("Tell me a story.", mention=True)
        (answer,) = await rig.answers_to(question)
        assert answer.text == LONG
        assert len(rig.slack.history_of(answer.key)) > 2
        await rig.stop()
        await rig.start()
    assert rig.slack.call_counts["chat.startStream"] == 1


async def test_a_stream_that_ends_by_itself_is_gone_on_with(rig: SlackService) -> None:
    """Slack ends a stream after some minutes: the answer is complete nevertheless, in one message."""
    rig.slack.stream_lifetime_s = 0.3
    rig.claude_writes(LONG, SLOW)
    question = rig.slack.say("Tell me a story.", mention=True)
    (answer,) = await rig.answers_to(question)
    assert answer.text == LONG


@pytest.mark.parametrize("native", [True, False])
async def test_an_answer_can_be_stopped(rig: SlackService, native: bool) -> None:
    """By Slack's own button, and by ours where Slack has none; what was written stays."""
    if not native:
        rig.slack.fail_next(
            Fault.of_error("not_an_agent"), times=None, method="agents.sessions.setStatus"
        )
    rig.claude_writes(LONG, Pace(first_token_s=0.0, tokens_per_s=20.0))
    question = rig.slack.say("Tell me a story.", mention=True)
    await wait_until(lambda: rig.shows(question, "word3"), PATIENCE_S, what="some text")
    (written,) = rig.replies(question)
    if native:
        assert written.buttons == ()
        rig.slack.stop_agent("general", question.ts)
    else:
        assert [button.label for button in written.buttons] == ["Stop"]
        rig.slack.press(written.key, "Stop")
    await wait_until(lambda: rig.shows(question, "Stopped."), PATIENCE_S, what="the end")
    (answer,) = rig.replies(question)
    assert answer.text.startswith("word0 word1 word2")
    assert answer.text.endswith("\n\n_Stopped._")
    assert not any(button.label == "Stop" for button in answer.buttons)


async def test_answers_can_be_rated(rig: SlackService) -> None:
    """Two buttons stand under an answer; what is pressed is kept."""
    question = rig.slack.say("Hello?", mention=True)
    (answer,) = await rig.answers_to(question)
    good = next(button for button in answer.buttons if button.label == "Good answer")
    rig.slack.press(answer.key, good.value)
    await wait_until(lambda: rig.metric("parley_ratings_total"), PATIENCE_S, what="the rating")


async def test_files_are_read(rig: SlackService) -> None:
    """An image goes to Claude as an image, a text file as text."""
    files = [Upload("chart.png", PNG, "image/png"), Upload("notes.txt", b"disk full", "text/plain")]
    question = rig.slack.say("What is this?", mention=True, files=files)
    await rig.answers_to(question)
    blocks = rig.claude.requests[-1].body["messages"][-1]["content"]
    assert [block["type"] for block in blocks] == ["image", "text", "text"]
    assert "disk full" in blocks[1]["text"]


async def test_bots_are_never_answered(rig: SlackService) -> None:
    """Neither when they mention the bot nor in its threads."""
    rig.slack.bot_says("Hello bot", mention=True)
    question = rig.slack.say("Hello?", mention=True)
    await rig.answers_to(question)
    rig.slack.bot_says("Hello again", thread_ts=question.ts, mention=True)
    last = rig.slack.say("Still there?", thread_ts=question.ts, mention=True)
    await wait_until(lambda: len(rig.finished(last)) >= 2, PATIENCE_S, what="the second answer")
    assert len(rig.asked) == 2


async def test_what_people_change_before_it_is_answered_counts(rig: SlackService) -> None:
    """An edit is answered as edited, a preview of a link changes nothing, what is deleted is not
    answered."""
    rig.claude.hold()
    edited = rig.slack.say("What is 2+2?", mention=True)
    deleted = rig.slack.say("Never mind", by="grace", mention=True)
    linked = rig.slack.say("See https://example.com/page", by="linus", mention=True)
    await rig.claude.wait_for_held(3)
    rig.slack.edit(edited, f"<@{rig.slack.bot_user_id}> What is 3+3?")
    rig.slack.delete(deleted)
    rig.slack.unfurl(linked, "https://example.com/page")
    await wait_until(lambda: rig.slack.acked >= 9, PATIENCE_S, what="the changes taken in")
    rig.claude.release()
    await rig.answers_to(edited)
    await rig.answers_to(linked)
    assert any(text.endswith("What is 3+3?") for text in rig.asked)
    assert len([text for text in rig.asked if text.endswith("https://example.com/page")]) == 1
    assert rig.replies(deleted) == []


async def test_a_mention_that_comes_by_an_edit_is_answered(rig: SlackService) -> None:
    """Who forgot it need not write anew."""
    message = rig.slack.say("What is 2+2?")
    rig.slack.edit(message, f"<@{rig.slack.bot_user_id}> What is 2+2?")
    await rig.answers_to(message)
    assert len(rig.asked) == 1
