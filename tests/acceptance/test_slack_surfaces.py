"""Around messages: slash commands, the shortcut, the home page, the assistant's conversations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.slack import Visible
from tests.slack_rig import PATIENCE_S, SlackService, slack_service
from tests.support import wait_until

OUTSIDE = "lounge"
"""A channel that the bot is not in."""


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SlackService]:
    """A service that is connected."""
    async with slack_service(tmp_path) as running:
        yield running


async def shown(rig: SlackService, text: str, channel: str = "general") -> Visible:
    """What the app shows with this text in a channel, as soon as it does."""

    def found() -> list[Visible]:
        visible = rig.slack.visible(channel, by_app=True)
        return [each for each in visible if text in each.text and not each.streaming]

    (only,) = await wait_until(found, PATIENCE_S, what=f"{text!r} in {channel}")
    return only


async def test_help_is_shown_to_the_asker_alone(rig: SlackService) -> None:
    """`/parley` and `/parley help` list the commands, and nobody else sees it."""
    for number, text in enumerate(("", "help"), 1):
        rig.slack.slash("/parley", text)
        await wait_until(
            lambda n=number: len(helps(rig)) == n,  # type: ignore[misc]
            PATIENCE_S,
            what="the help",
        )
    assert all(each.ephemeral_for == "U0ADA00001" for each in helps(rig))


def helps(rig: SlackService) -> list[Visible]:
    """The lists of commands that are shown."""
    return [each for each in rig.slack.visible(by_app=True) if "`/reset`" in each.text]


@pytest.mark.parametrize("text", ["ask What is a lease?", "What is a lease?"])
async def test_a_question_by_command_is_answered_for_all(rig: SlackService, text: str) -> None:
    """The answer is a message of its own in the channel; what is asked below it, is answered there."""
    rig.claude.script.next("A lock with an end.", "It ends.")
    rig.slack.slash("/parley", text)
    answer = await shown(rig, "A lock with an end.")
    assert (answer.thread_ts, answer.ephemeral_for) == (None, None)
    assert rig.asked[-1].endswith("What is a lease?")
    await rig.at_rest()
    below = rig.slack.say("And then?", thread_ts=answer.ts, mention=True)
    await wait_until(lambda: rig.shows(below, "It ends."), PATIENCE_S, what="the second answer")
    assert [text for _, text in rig.said_to_claude()][1] == "A lock with an end."


async def test_a_command_in_direct_messages_concerns_them(rig: SlackService) -> None:
    """`/parley reset` there begins the conversation afresh."""
    rig.claude.script.next("Hello, Ada.", "I don't know.")
    await rig.answers_to(rig.slack.say("I am Ada.", channel="@ada"))
    rig.slack.slash("/parley", "reset", channel="@ada")
    await shown(rig, "We begin afresh", "@ada")
    await rig.answers_to(rig.slack.say("Who am I?", channel="@ada"), 2)
    assert [text for _, text in rig.said_to_claude()] == ["Who am I?"]


async def test_where_the_bot_is_no_member_the_asker_alone_is_answered(rig: SlackService) -> None:
    """By the address that Slack sends along, once."""
    rig.claude.script.always("A lock with an end.")
    rig.slack.slash("/parley", "ask What is a lease?", channel=OUTSIDE)
    answer = await shown(rig, "A lock with an end.", OUTSIDE)
    assert answer.ephemeral_for == "U0ADA00001"
    rig.slack.slash("/parley", "help", channel=OUTSIDE)
    help_ = await shown(rig, "`/reset`", OUTSIDE)
    assert help_.ephemeral_for == "U0ADA00001"


async def test_a_command_that_is_nearly_one_is_put_right(rig: SlackService) -> None:
    """A slip of the finger is no question."""
    rig.slack.slash("/parley", "hlep")
    await shown(rig, "Did you mean `/help`?")
    assert rig.asked == []


async def test_a_message_can_be_asked_about(rig: SlackService) -> None:
    """The shortcut opens a form; its question is answered in the thread of the message."""
    rig.claude.script.always("The disk.")
    about = rig.slack.say("Build 7 failed: disk full.", by="grace")
    rig.slack.shortcut("ask_about_this", message=about)
    await wait_until(lambda: rig.slack.views, PATIENCE_S, what="the form")
    (view,) = rig.slack.views
    rig.slack.submit_view(view["id"], {"question": {"text": "What is wrong?"}})
    (answer,) = await rig.answers_to(about)
    assert (answer.text, answer.thread_ts) == ("The disk.", about.ts)
    assert "[About what @Grace said:]\nBuild 7 failed: disk full." in rig.asked[-1]
    assert rig.asked[-1].endswith("\n\nWhat is wrong?")


async def test_the_home_page_tells_what_the_bot_can_do(rig: SlackService) -> None:
    """It is published when somebody opens it."""
    rig.slack.open_home(by="grace")
    await wait_until(lambda: rig.slack.home_of("grace"), PATIENCE_S, what="the page")
    home = rig.slack.home_of("grace")
    assert home is not None
    assert "`/reset" in str(home["blocks"])


async def test_a_conversation_begins_with_prompts_and_gets_a_title(rig: SlackService) -> None:
    """In the assistant's own place; its messages are answered in their thread."""
    thread_ts = rig.slack.start_assistant_thread()
    await wait_until(
        lambda: rig.slack.status("@ada", thread_ts).prompts, PATIENCE_S, what="the prompts"
    )
    question = rig.slack.say("What is a lease?", channel="@ada", thread_ts=thread_ts)
    await rig.answers_to(question)
    await wait_until(
        lambda: rig.slack.status("@ada", thread_ts).title == "What is a lease?",
        PATIENCE_S,
        what="the title",
    )
    again = rig.slack.say("And a lock?", channel="@ada", thread_ts=thread_ts)
    await rig.answers_to(again, 2)
    assert rig.slack.status("@ada", thread_ts).title == "What is a lease?"


async def test_the_whole_service_works_over_http(tmp_path: Path) -> None:
    """Events and commands come to PARLEY_HTTP, and no socket is opened."""
    async with slack_service(tmp_path, {"PARLEY_SLACK__MODE": "http"}, started=False) as rig:
        rig.environ["SLACK_SIGNING_SECRET"] = rig.slack.signing_secret
        await rig.start()
        rig.slack.push_to(f"{rig.url}/slack/events")
        assert await rig.slack.verify_url()
        await rig.answers_to(rig.slack.say("Hello?", mention=True))
        rig.slack.slash("/parley", "help")
        await wait_until(lambda: helps(rig), PATIENCE_S, what="the help")
        assert rig.slack.sockets_opened == 0


async def test_a_stranger_in_a_shared_channel_is_answered(rig: SlackService) -> None:
    """Somebody of another company, in a channel shared with it: by name, and under our workspace."""
    other = rig.slack.add_workspace("Elsewhere")
    rig.slack.add_user("emmy", real_name="Emmy Noether", workspace=other.team_id)
    rig.slack.uninstall(workspace=other.team_id)
    channel = rig.slack.add_channel("shared", shared_with=[other.team_id])
    question = rig.slack.say("Hello?", by="emmy", channel=channel.id, mention=True)
    await rig.answers_to(question)
    assert rig.asked[-1] == "[Emmy Noether says:]\nHello?"
    started = rig.slack.calls("chat.startStream")[-1]
    assert started.args["recipient_team_id"] == other.team_id
