"""Slash commands, buttons and the shortcut: from what Slack sends to what is meant."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.slack.asking import asked, form
from adapters.slack.buttons import RATE, STOP, pressed, rating_block, stop_block
from adapters.slack.commands import called
from bot.ports import CommandOffer
from bot.vocabulary import Channel, ChannelKind, Person, Rated, StopRequested, Thread

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CHANNEL = Channel("slack", "T1", "C1")
ADA = Person("U0ADA", "ada")

Json = dict[str, Any]


def offer(name: str, *, private: bool = False) -> CommandOffer:
    """A command that there is."""
    return CommandOffer(name, "", f"/{name}", (), private, admin=False)


OFFERS = (offer("help", private=True), offer("reset"), offer("remind"), offer("catchup"))


def command(text: str, *, name: str = "/parley", channel: str = "C1") -> Json:
    """What Slack sends."""
    return {
        "command": name,
        "text": text,
        "user_id": "U0ADA",
        "user_name": "ada",
        "channel_id": channel,
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        "response_url": "https://hooks.slack.com/commands/1",
    }


@pytest.mark.parametrize(
    ("name", "text", "meant", "private"),
    [
        ("/parley", "", "/help", True),
        ("/parley", "help", "/help", True),
        ("/parley", "  Help remind ", "/help remind", True),
        ("/parley", "/reset", "/reset", False),
        ("/parley", "remind tomorrow at 9 stand-up", "/remind tomorrow at 9 stand-up", False),
        ("/parley", "ask What is a &lt;lease&gt;?", "What is a <lease>?", False),
        ("/parley", "What is a lease?", "What is a lease?", False),
        ("/parley", "why?", "why?", False),
        ("/parley", "hlep", "/hlep", False),
        ("/parley", "ask", "/ask", False),
        ("/remind", "tomorrow <@U0GRACE|grace>", "/remind tomorrow @grace", False),
        ("/other", "words and more", "words and more", False),
    ],
)
def test_a_slash_command_becomes_a_message(name: str, text: str, meant: str, private: bool) -> None:
    """A command of the bot's, or a question."""
    call = called(command(text, name=name), workspace="T1", offers=OFFERS, now=NOW)
    assert call is not None
    assert (call.message.text, call.private) == (meant, private)
    assert call.message.author == ADA
    assert call.message.addressed


def test_a_command_has_a_thread_of_its_own_and_one_key() -> None:
    """Sent twice it is the same; in direct messages it belongs to the conversation."""
    first, again = (
        called(command("help"), workspace="T1", offers=OFFERS, now=NOW) for _ in range(2)
    )
    assert first is not None
    assert again is not None
    assert first.message.key == again.message.key
    assert first.message.thread.is_new
    direct = called(command("help", channel="D1"), workspace="T1", offers=OFFERS, now=NOW)
    assert direct is not None
    assert direct.message.thread == Thread(
        Channel("slack", "T1", "D1", ChannelKind.DIRECT), "direct"
    )


@pytest.mark.parametrize("missing", ["channel_id", "user_id", "trigger_id"])
def test_half_a_command_is_none(missing: str) -> None:
    """There is nothing that could be answered."""
    body = {**command("help"), missing: None}
    assert called(body, workspace="T1", offers=OFFERS, now=NOW) is None


def test_buttons_say_what_they_belong_to() -> None:
    """A press is understood by what the button carries."""
    thread = Thread(CHANNEL, "1732350000.000100")
    stop = stop_block(thread)["elements"][0]
    assert pressed(stop, CHANNEL, ADA) == StopRequested(thread, ADA)
    feedback = rating_block(thread, "0123456789abcdef.2")["elements"][0]
    for side, good in (("positive_button", True), ("negative_button", False)):
        action = {"action_id": RATE, "value": feedback[side]["value"]}
        assert pressed(action, CHANNEL, ADA) == Rated(thread, "0123456789abcdef", good, ADA)


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"action_id": STOP},
        {"action_id": STOP, "value": "no JSON"},
        {"action_id": STOP, "value": "[1]"},
        {"action_id": RATE, "value": '["1"]'},
        {"action_id": "somebody_elses", "value": '["1"]'},
    ],
)
def test_other_buttons_mean_nothing(action: Json) -> None:
    """Whoever made them."""
    assert pressed(action, CHANNEL, ADA) is None


def shortcut(**message: object) -> Json:
    """What Slack sends when the shortcut is used on a message."""
    return {
        "type": "message_action",
        "callback_id": "ask_about_this",
        "trigger_id": "1.2.3",
        "channel": {"id": "C1", "name": "general"},
        "response_url": "https://hooks.slack.com/app/1",
        "message": {
            "ts": "1732350000.000100",
            "user": "U0GRACE",
            "text": "It &lt;failed&gt;.",
            **message,
        },
    }


def submitted(view: Json, question: str) -> Json:
    """What Slack sends when the form is sent."""
    state = {"values": {"question": {"text": {"type": "plain_text_input", "value": question}}}}
    return {
        "type": "view_submission",
        "user": {"id": "U0ADA", "name": "ada"},
        "view": {**view, "id": "V1", "state": state},
    }


def test_a_question_about_a_message_goes_to_its_thread() -> None:
    """With what it is about in front of it."""
    view = form(shortcut(thread_ts="1732349999.000001"))
    assert view is not None
    question = asked(submitted(dict(view), " Why? "), workspace="T1", now=NOW)
    assert question is not None
    assert question.message.thread == Thread(CHANNEL, "1732349999.000001")
    assert question.message.text == "[About what <@U0GRACE> said:]\nIt <failed>.\n\nWhy?"
    assert (question.message.id, question.message.author) == ("ask-V1", ADA)
    assert question.response_url == "https://hooks.slack.com/app/1"


def test_the_form_carries_no_more_than_slack_allows() -> None:
    """However long the message is."""
    view = form(shortcut(text="&amp;" * 5000, blocks=[]))
    assert view is not None
    assert len(view["private_metadata"]) < 3000
    assert len(view["title"]["text"]) <= 24


def test_other_forms_mean_nothing() -> None:
    """Those of others, and an empty one of ours."""
    view = form(shortcut())
    assert view is not None
    assert (
        asked(submitted({**view, "callback_id": "other"}, "Why?"), workspace="T1", now=NOW) is None
    )
    assert asked(submitted(dict(view), "  "), workspace="T1", now=NOW) is None
    assert form({**shortcut(), "callback_id": "other"}) is None
    assert form(shortcut(ts=None)) is None
