"""Slack at its worst: lost answers, lost sockets, limits, closed doors. One complete answer, always."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sandbox.claude import Pace
from sandbox.slack import Fault, Outcome, Redelivery
from tests.slack_rig import PATIENCE_S, SlackService, slack_service
from tests.support import wait_until

LONG = " ".join(f"word{number}" for number in range(60))
SLOW = Pace(first_token_s=0.0, tokens_per_s=200.0)
STRANGER = "U0MARIE001"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SlackService]:
    """A service that is connected, and a Claude that takes its time."""
    async with slack_service(tmp_path) as running:
        running.claude_writes(LONG, SLOW)
        yield running


async def one_whole_answer(rig: SlackService, text: str = LONG) -> None:
    """Ask, and see one complete answer."""
    question = rig.slack.say("Tell me a story.", mention=True)
    (answer,) = await rig.answers_to(question)
    assert answer.text == text
    assert len(rig.replies(question)) == 1


def failed(rig: SlackService, method: str) -> bool:
    """Whether the fault struck."""
    return any(call.outcome is Outcome.FAULTED for call in rig.slack.calls(method))


def named(fault: Fault) -> str:
    """A test's name for it."""
    return fault.kind.value


@pytest.mark.parametrize(
    "method",
    [
        "assistant.threads.setStatus",
        "chat.startStream",
        "chat.appendStream",
        "chat.stopStream",
        "users.info",
    ],
)
@pytest.mark.parametrize(
    "fault", [Fault.lost_answer(), Fault.of_status(503), Fault.rate_limited(1)], ids=named
)
async def test_a_streamed_answer_survives_any_failure(
    rig: SlackService, method: str, fault: Fault
) -> None:
    """Whatever call fails, and however: the thread has one answer, and it is whole."""
    rig.slack.fail_next(fault, method=method)
    appends = method == "chat.appendStream"  # which needs text that comes bit by bit
    rig.claude_writes(LONG, SLOW if appends else Pace())
    rig.claude.hold(after_chunks=30 if appends else 5)
    question = rig.slack.say("Tell me a story.", mention=True)
    await wait_until(lambda: rig.replies(question), PATIENCE_S, what="the beginning of the answer")
    await wait_until(lambda: failed(rig, method) or not appends, PATIENCE_S, what="an append")
    rig.claude.release()
    (answer,) = await rig.answers_to(question)
    assert answer.text == LONG
    assert len(rig.replies(question)) == 1
    assert failed(rig, method)


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
@pytest.mark.parametrize("fault", [Fault.lost_answer(), Fault.drop(), Fault.not_json()], ids=named)
async def test_an_edited_answer_survives_any_failure(
    rig: SlackService, method: str, fault: Fault
) -> None:
    """The same where messages are edited."""
    rig.slack.set_streaming(False)
    rig.slack.fail_next(fault, method=method)
    rig.claude_writes(LONG, Pace())
    rig.claude.hold(after_chunks=5)
    question = rig.slack.say("Tell me a story.", mention=True)
    await wait_until(lambda: rig.replies(question), PATIENCE_S, what="the beginning of the answer")
    rig.claude.release()
    (answer,) = await rig.answers_to(question)
    assert answer.text == LONG
    assert len(rig.replies(question)) == 1
    assert failed(rig, method)


async def test_lost_sockets_lose_nothing(rig: SlackService) -> None:
    """In the middle of an answer all sockets break; it is completed, and the next question is heard."""
    question = rig.slack.say("Tell me a story.", mention=True)
    await wait_until(lambda: rig.shows(question, "word5"), PATIENCE_S, what="some text")
    rig.slack.drop_sockets()
    again = rig.slack.say("And another.", by="grace", mention=True)
    for each in (question, again):
        (answer,) = await rig.answers_to(each)
        assert answer.text == LONG


async def test_a_renewed_socket_leaves_no_gap(rig: SlackService) -> None:
    """While Slack renews its connections, questions go on being heard at once."""
    assert rig.slack.sockets == 2
    questions = []
    for person in ("ada", "grace", "linus", "marie"):
        questions.append(rig.slack.say("Hello?", by=person, mention=True))
        await rig.slack.refresh_sockets()
    for question in questions:
        await rig.answers_to(question)
    assert rig.slack.lost == 0


async def test_a_dead_socket_is_noticed(rig: SlackService) -> None:
    """Sockets that say nothing are replaced within seconds, and what was sent to them comes again."""
    rig.slack.redelivery = Redelivery(ack_within_s=1.0, pauses_s=(0.0, 1.0, 1.0, 1.0, 1.0, 1.0))
    rig.slack.freeze_sockets()
    await one_whole_answer(rig)


async def test_an_answer_that_somebody_deletes_is_given_anew(rig: SlackService) -> None:
    """While it is being written; once it is finished it stays deleted."""
    rig.claude.hold(after_chunks=20)
    question = rig.slack.say("Tell me a story.", mention=True)
    await wait_until(lambda: rig.shows(question, "word5"), PATIENCE_S, what="some text")
    rig.slack.delete(rig.replies(question)[0].key)
    rig.claude.release()
    (answer,) = await rig.answers_to(question)
    assert answer.text == LONG
    rig.slack.delete(answer.key)
    other = rig.slack.say("Hello?", by="grace", mention=True)
    await rig.answers_to(other)
    assert rig.replies(question) == []


@pytest.mark.parametrize("what", ["archive", "revoke", "uninstall"])
async def test_where_nothing_can_be_said_the_bot_gives_up(rig: SlackService, what: str) -> None:
    """It tells operators once, and does not go on asking Slack."""
    rig.slack.set_streaming(what != "archive")  # a stream that has begun can be ended there
    rig.claude.hold(after_chunks=20)
    question = rig.slack.say("Tell me a story.", mention=True)
    await wait_until(lambda: rig.shows(question, "word5"), PATIENCE_S, what="some text")
    with capture_logs() as logged:
        getattr(rig.slack, what)(*(["general"] if what == "archive" else []))
        rig.claude.release()
        await _falls_silent(rig)
    told = [each for each in logged if each["event"] == "nothing can be shown here any more"]
    assert len(told) == 1


async def test_an_answer_that_is_streamed_outlasts_the_bots_removal(rig: SlackService) -> None:
    """What is begun is ended; then nothing more is asked of Slack."""
    rig.claude.hold(after_chunks=20)
    question = rig.slack.say("Tell me a story.", mention=True)
    await wait_until(lambda: rig.shows(question, "word5"), PATIENCE_S, what="some text")
    rig.slack.remove_bot("general")
    rig.claude.release()
    await _falls_silent(rig)
    assert [each.text for each in rig.replies(question)] == [LONG]


async def _falls_silent(rig: SlackService) -> None:
    await rig.at_rest()
    calls = len(rig.slack.requests)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(rig.slack.requests) == calls


async def test_nobody_is_pinged(rig: SlackService) -> None:
    """Not by the answer, nor by any version of it on the way, however it is cut into pieces."""
    hostile = (
        f"<!channel> <!here> <@{STRANGER}> <!subteam^S0123456789> `<!everyone>` @channel "
        "&lt;!channel&gt; and <@U0GRACE001|grace>."
    )
    for streaming in (True, False):
        rig.slack.set_streaming(streaming)
        rig.claude_writes(hostile, Pace(tokens_per_s=300.0))
        question = rig.slack.say("Ping everybody!", mention=True)
        (answer,) = await rig.answers_to(question)
        assert answer.text.startswith("<\u2060!channel>")
    assert rig.slack.pings == ()


async def test_who_takes_part_may_be_mentioned(rig: SlackService) -> None:
    """The asker, and nobody else; the mention is complete when it appears."""
    rig.claude_writes(f"<@U0ADA00001>, <@{STRANGER}> knows.", Pace(tokens_per_s=200.0))
    question = rig.slack.say("Who knows?", mention=True)
    (answer,) = await rig.answers_to(question)
    assert answer.text == f"@Ada, <\u2060@{STRANGER}> knows."
    assert {ping.target for ping in rig.slack.pings} == {"U0ADA00001"}


async def test_what_was_missed_is_answered_once(rig: SlackService) -> None:
    """After a downtime: direct messages, follow-ups in known threads, mentions in known channels, also
    within threads of people; but nothing that was answered before."""
    rig.claude_writes("Yes.", Pace())
    known = rig.slack.say("Hello?", mention=True)
    direct = rig.slack.say("Hello?", channel="@grace")
    lively = rig.slack.say("Lunch?", by="linus")
    await rig.answers_to(known)
    await rig.answers_to(direct)
    await rig.stop()
    missed = [
        rig.slack.say("And more?", thread_ts=known.ts),
        rig.slack.say("And?", channel="@grace"),
        rig.slack.say("First time", channel="@linus"),
        rig.slack.say("A new question", by="grace", mention=True),
        rig.slack.say("What do you think?", by="marie", thread_ts=lively.ts, mention=True),
    ]
    rig.slack.say("Nobody asked the bot.", by="marie")
    rig.slack.redelivery = Redelivery(ack_within_s=0.1, pauses_s=())
    await wait_until(lambda: rig.slack.lost >= 6, PATIENCE_S, what="Slack to give up")
    await rig.start()
    counts = (2, 2, 1, 1, 1)
    for message, count in zip(missed, counts, strict=True):
        await rig.answers_to(message, count)
    await rig.at_rest()
    for message, count in zip(missed, counts, strict=True):
        assert len(rig.finished(message)) == count
    assert len(rig.asked) == 7
