"""What the Slack adapter says: buttons, cards, files, notices, and messages that begin a thread."""

from collections.abc import AsyncIterator

import pytest

from bot.ports import Choice, Controls, Option, OutgoingFile, Part, PlatformError, ThreadGone
from bot.vocabulary import (
    Card,
    ChoiceMade,
    Fact,
    Listing,
    Person,
    Rated,
    StopRequested,
    SystemClock,
    Thread,
)
from sandbox.slack import Fault, Visible
from tests.slack_desk import SlackDesk, slack_desk
from tests.support import wait_until

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
MARK = "0123456789abcdef.0"
CARD = Card(
    title="Costs of last week",
    lead="**$12.34** in all, [details](https://example.com/costs).",
    facts=(Fact("Answers", "120"), Fact("Models", "<!channel> & others")),
    listings=(Listing("Channels", ("#general: $10.00", "#random: $2.34")),),
    note="Weeks begin on Monday.",
)
CHOICE = Choice("choice-1", "May I?", (Option("yes", "Yes", danger=True), Option("no", "No")))


@pytest.fixture
async def desk() -> AsyncIterator[SlackDesk]:
    """A connected adapter."""
    async with slack_desk() as connected:
        yield connected


def part(text: str = "Hello", **options: object) -> Part:
    """A part of a reply."""
    named: dict[str, object] = {"mark": MARK, "markdown": text, "final": True, **options}
    return Part(**named)  # type: ignore[arg-type]  # as given


def picture() -> OutgoingFile:
    """A picture for a card."""
    return OutgoingFile(f"{MARK}p", "costs.png", "image/png", PNG, alt="Costs by day")


async def a_thread(desk: SlackDesk) -> Thread:
    """A thread that Ada began."""
    return desk.thread(desk.slack.say("Hello?"))


def shown(desk: SlackDesk, thread: Thread) -> list[Visible]:
    """What the bot shows in the thread."""
    return [
        each
        for each in desk.slack.visible(thread.channel.id, by_app=True)
        if each.thread_ts == thread.id
    ]


async def test_a_choice_is_made_by_a_button(desk: SlackDesk) -> None:
    """Each option is a button; the press names thread, choice, option and person. Without the choice
    the buttons are gone."""
    thread = await a_thread(desk)
    asked = part("Delete it?\n\nMay I?", final=False, choice=CHOICE)
    posted = await desk.adapter.post(thread, asked)
    (message,) = shown(desk, thread)
    assert [(button.label, button.style) for button in message.buttons] == [
        ("Yes", "danger"),
        ("No", ""),
    ]
    desk.slack.press(message.key, "Yes", by="grace")
    made = ChoiceMade(thread, "choice-1", "yes", Person("U0GRACE001", "grace"))
    await wait_until(lambda: made in desk.intake.events, what="the choice")
    await desk.adapter.edit(thread, posted.message_id, part("Deleted."))
    (message,) = shown(desk, thread)
    assert (message.text, message.buttons) == ("Deleted.", ())


async def test_a_choice_can_follow_streamed_text(desk: SlackDesk) -> None:
    """The stream is left, as it takes no buttons; what follows is written by edits."""
    thread = await a_thread(desk)
    person = frozenset({"U0ADA00001"})
    posted = await desk.adapter.post(thread, part("Let me", final=False, may_mention=person))
    assert shown(desk, thread)[0].streaming
    asked = part("Let me see.\n\nMay I?", final=False, choice=CHOICE, may_mention=person)
    await desk.adapter.edit(thread, posted.message_id, asked)
    (message,) = shown(desk, thread)
    assert (message.text, len(message.buttons)) == ("Let me see.\n\nMay I?", 2)
    await desk.adapter.edit(thread, posted.message_id, part("Let me see. Done."))
    assert [each.text for each in shown(desk, thread)] == ["Let me see. Done."]


async def test_a_press_is_understood_in_direct_messages(desk: SlackDesk) -> None:
    """The button knows its thread, which no message there tells."""
    thread = desk.direct()
    await desk.adapter.post(thread, part("Hel", final=False, controls=Controls.STOP))
    (message,) = desk.slack.visible("@ada", by_app=True)
    desk.slack.press(message.key, "Stop")
    stop = StopRequested(thread, Person("U0ADA00001", "ada"))
    await wait_until(lambda: stop in desk.intake.events, what="the stop")
    await desk.adapter.edit(thread, message.ts, part("Hello", controls=Controls.RATE))
    (message,) = desk.slack.visible("@ada", by_app=True)
    desk.slack.press(message.key, "Bad answer")
    rated = Rated(thread, "0123456789abcdef", False, Person("U0ADA00001", "ada"))
    await wait_until(lambda: rated in desk.intake.events, what="the rating")


async def test_a_card_is_one_message_with_its_picture(desk: SlackDesk) -> None:
    """Header, fields, lists and note, the picture among them; the text is there for notifications."""
    thread = await a_thread(desk)
    posted = await desk.adapter.post(thread, part(CARD.markdown(), card=CARD, picture=picture()))
    (message,) = shown(desk, thread)
    assert message.ts == posted.message_id
    for text in (
        "Costs of last week",
        "*$12.34* in all, details.",
        "*Answers*\n120",
        "• #general: $10.00\n• #random: $2.34",
        "Weeks begin on Monday.",
        "Costs by day",
    ):
        assert text in message.text
    assert desk.slack.pings == ()
    assert await desk.adapter.find(thread, MARK) == posted.message_id


async def test_a_picture_that_is_not_ready_is_waited_for(desk: SlackDesk) -> None:
    """Slack refuses it for a moment after it was sent."""
    thread = await a_thread(desk)
    desk.slack.fail_next(Fault.of_error("invalid_blocks"), method="chat.postMessage")
    await desk.adapter.post(thread, part(card=CARD, picture=picture()))
    assert len(shown(desk, thread)) == 1


class Hasty(SystemClock):
    """A clock whose waits take a twentieth of their time."""

    async def sleep(self, delay_s: float) -> None:
        """Wait a little."""
        await super().sleep(delay_s / 20)


async def test_a_picture_that_never_gets_ready_carries_the_words() -> None:
    """Then it is shared as a file, with the card beside it; still one message."""
    async with slack_desk(clock=Hasty()) as desk:
        thread = await a_thread(desk)
        refused = Fault.of_error("invalid_blocks")
        desk.slack.fail_next(refused, times=None, method="chat.postMessage")
        posted = await desk.adapter.post(thread, part(card=CARD, picture=picture()))
        (message,) = shown(desk, thread)
        assert message.ts == posted.message_id
        assert message.files == ("costs.png",)
        assert "Costs of last week" in message.text
        assert await desk.adapter.find(thread, MARK) == posted.message_id


async def test_a_file_is_sent_once(desk: SlackDesk) -> None:
    """It is a message of its own, found again by its mark, also by another process."""
    thread = await a_thread(desk)
    file = OutgoingFile(f"{MARK}f", "table.csv", "text/csv", b"a,b\n1,2\n")
    sent = await desk.adapter.send_file(thread, file)
    (message,) = shown(desk, thread)
    assert (message.ts, message.files) == (sent, ("table.csv",))
    await desk.stop()
    await desk.start()
    assert await desk.adapter.find(thread, f"{MARK}f") == sent
    assert await desk.adapter.find(thread, f"{MARK}g") is None


async def test_a_file_whose_answer_was_lost_is_there_once(desk: SlackDesk) -> None:
    """Slack completed it, and the connection broke: it is found instead of being sent again."""
    thread = await a_thread(desk)
    desk.slack.fail_next(Fault.lost_answer(), method="files.completeUploadExternal")
    file = OutgoingFile(f"{MARK}f", "table.csv", "text/csv", b"a,b\n1,2\n")
    with pytest.raises(PlatformError):
        await desk.adapter.send_file(thread, file)
    found = await desk.adapter.find(thread, f"{MARK}f")
    assert [each.ts for each in shown(desk, thread)] == [found]


async def test_a_notice_is_for_one_person(desk: SlackDesk) -> None:
    """In a channel only they see it; in direct messages it is a message like any other."""
    thread = await a_thread(desk)
    person = Person("U0ADA00001", "Ada")
    await desk.adapter.notice(thread, person, "Please wait.", "turn.limit")
    (notice,) = desk.slack.visible(thread.channel.id, by_app=True)
    assert (notice.ephemeral_for, notice.thread_ts) == ("U0ADA00001", thread.id)
    await desk.adapter.notice(desk.direct(), person, "Please wait.", "turn.limit")
    (notice,) = desk.slack.visible("@ada", by_app=True)
    assert notice.ephemeral_for is None


async def test_a_thread_of_the_bots_own_begins_in_the_channel(desk: SlackDesk) -> None:
    """Its first message stands there by itself, its next ones below that, after a restart too."""
    thread = Thread((await a_thread(desk)).channel, "+report")
    first = await desk.adapter.post(thread, part("A report."))
    await desk.stop()
    await desk.start()
    assert await desk.adapter.find(thread, MARK) == first.message_id
    await desk.adapter.post(thread, part("More.", mark="1123456789abcdef.0"))
    messages = [(m.text, m.thread_ts) for m in desk.slack.visible(by_app=True)]
    assert messages == [("A report.", None), ("More.", first.message_id)]


async def test_where_the_first_message_was_lost_it_is_found(desk: SlackDesk) -> None:
    """An own message whose answer was lost is found in the channel."""
    thread = Thread((await a_thread(desk)).channel, "+report")
    desk.slack.fail_next(Fault.lost_answer(), method="chat.postMessage")
    with pytest.raises(PlatformError):
        await desk.adapter.post(thread, part("A report."))
    (message,) = desk.slack.visible(by_app=True)
    assert await desk.adapter.find(thread, MARK) == message.ts


async def test_a_stream_whose_beginning_was_lost_is_found(desk: SlackDesk) -> None:
    """It carries no mark, and can be no other: so it goes on in the same message."""
    thread = await a_thread(desk)
    begun = part("Hel", final=False, may_mention=frozenset({"U0ADA00001"}))
    await desk.adapter.post(thread, part("Earlier.", mark="0023456789abcdef.0"))
    desk.slack.fail_next(Fault.lost_answer(), method="chat.startStream")
    with pytest.raises(PlatformError):
        await desk.adapter.post(thread, begun)
    await desk.stop()
    await desk.start()
    found = await desk.adapter.find(thread, MARK)
    assert found is not None
    await desk.adapter.edit(thread, found, part("Hello"))
    assert [each.text for each in shown(desk, thread)] == ["Earlier.", "Hello"]
    assert await desk.adapter.find(thread, MARK) == found


async def test_a_placeholder_of_a_dead_process_becomes_the_answer(desk: SlackDesk) -> None:
    """It is not left standing above it."""
    thread = desk.direct()
    await desk.adapter.show_status(thread, "is thinking…")
    await desk.stop()
    await desk.start()
    found = await desk.adapter.find(thread, MARK)
    assert found is not None
    await desk.adapter.edit(thread, found, part("Hello"))
    assert [each.text for each in desk.slack.visible("@ada", by_app=True)] == ["Hello"]


async def test_a_placeholder_of_a_dead_process_is_taken_away(desk: SlackDesk) -> None:
    """Where there is nothing to say after all."""
    thread = desk.direct()
    await desk.adapter.show_status(thread, "is thinking…")
    await desk.stop()
    await desk.start()
    await desk.adapter.show_status(thread, None)
    assert desk.slack.visible("@ada", by_app=True) == ()


async def test_a_channel_or_person_is_found_by_id(desk: SlackDesk) -> None:
    """A person stands for their direct messages; anything else is said to be wrong."""
    found = await desk.adapter.find_channel("C0SANDBOX1")
    assert (found.id, found.name) == ("C0SANDBOX1", "general")
    direct = await desk.adapter.find_channel("U0ADA00001")
    assert direct == desk.direct().channel
    with pytest.raises(PlatformError, match="slack:C0NOWHERE can't be reached"):
        await desk.adapter.find_channel("C0NOWHERE")


async def test_a_report_does_without_a_picture_that_slack_does_not_take(desk: SlackDesk) -> None:
    """Its words come all the same."""
    thread = await a_thread(desk)
    desk.slack.fail_next(Fault.of_error("missing_scope"), method="files.getUploadURLExternal")
    await desk.adapter.post(thread, part(CARD.markdown(), card=CARD, picture=picture()))
    (message,) = shown(desk, thread)
    assert "$12.34" in message.text


@pytest.mark.parametrize("fault", [Fault.of_status(503), Fault.drop()])
async def test_a_report_does_without_a_picture_whose_way_is_barred(fault: Fault) -> None:
    """Files go to a host of their own; where that is never reached, the words come all the same."""
    async with slack_desk(clock=Hasty()) as desk:
        thread = await a_thread(desk)
        desk.slack.fail_next(fault, times=None, method="upload")
        await desk.adapter.post(thread, part(CARD.markdown(), card=CARD, picture=picture()))
        (message,) = shown(desk, thread)
        assert "$12.34" in message.text
        assert message.files == ()


async def test_a_picture_that_did_not_get_there_is_sent_again(desk: SlackDesk) -> None:
    """A passing trouble of the host that takes files costs no report its picture."""
    thread = await a_thread(desk)
    desk.slack.fail_next(Fault.of_status(503), method="upload")
    await desk.adapter.post(thread, part(CARD.markdown(), card=CARD, picture=picture()))
    (message,) = shown(desk, thread)
    assert message.pictures


@pytest.mark.parametrize("refusal", ["missing_scope", "unknown_method"])
async def test_a_channel_that_may_not_be_looked_at_is_taken_as_named(
    desk: SlackDesk, refusal: str
) -> None:
    """In the only workspace there is: a digest need not wait for a scope it can do without."""
    desk.slack.fail_next(Fault.of_error(refusal), method="conversations.info")
    found = await desk.adapter.find_channel("C0SANDBOX1")
    assert (found.workspace, found.id) == (desk.direct().channel.workspace, "C0SANDBOX1")


async def test_a_missing_scope_is_named(desk: SlackDesk) -> None:
    """With what to do about it."""
    thread = await a_thread(desk)
    desk.slack.set_scopes(["app_mentions:read"])
    with pytest.raises(PlatformError, match="add chat:write under OAuth & Permissions"):
        await desk.adapter.post(thread, part())


async def test_a_revoked_token_closes_every_thread(desk: SlackDesk) -> None:
    """Nothing can be said there any more."""
    thread = await a_thread(desk)
    desk.slack.revoke()
    with pytest.raises(ThreadGone):
        await desk.adapter.post(thread, part())
