"""What Slack's message events mean: people, edits, deletions; and everything else means nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.parse import events_of
from adapters.slack.workspaces import Installed
from bot.vocabulary import (
    Attachment,
    Channel,
    ChannelKind,
    Event,
    Message,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    Thread,
)

BOT = Installed(workspace="T1", token="xoxb-1", bot_user_id="U0BOT", bot_id="B0BOT")
CHANNEL = Channel("slack", "T1", "C1")
TS = "1732350000.000100"

Json = dict[str, Any]


def said(**fields: object) -> Json:
    """A message event of Ada's."""
    event: Json = {
        "type": "message",
        "channel": "C1",
        "channel_type": "channel",
        "user": "U0ADA",
        "text": "<@U0BOT> Hello",
        "ts": TS,
        "event_ts": TS,
        "client_msg_id": "1b2c",
        "team": "T1",
        "something_new": {"deep": [1, 2]},
    }
    return {**event, **fields}


def heard(event: Json) -> list[Event]:
    """What it means."""
    return list(events_of(event, BOT))


def the_message(event: Json) -> Message:
    """The one message that it tells."""
    (only,) = heard(event)
    assert isinstance(only, MessageReceived)
    return only.message


def test_a_mention_begins_a_thread() -> None:
    """Its thread goes by its own timestamp."""
    assert the_message(said()) == Message(
        thread=Thread(CHANNEL, TS),
        id=TS,
        author=Person("U0ADA", "U0ADA"),
        text="Hello",
        sent_at=datetime.fromtimestamp(1732350000.0001, UTC),
        addressed=True,
    )


def test_both_events_of_a_mention_tell_the_same() -> None:
    """Whichever comes first."""
    mention = {key: value for key, value in said().items() if key != "channel_type"}
    assert the_message({**mention, "type": "app_mention"}) == the_message(said())


def test_only_a_mention_addresses_the_bot_in_a_channel() -> None:
    """The text decides, not the kind of the event."""
    assert not the_message(said(text="Hello")).addressed
    assert not the_message(said(text="Hello", type="app_mention")).addressed
    assert the_message(said(text="Well, <@U0BOT|parley>, hello")).addressed


@pytest.mark.parametrize(
    ("fields", "thread_id", "addressed"),
    [
        ({"thread_ts": "1732349999.000001"}, "1732349999.000001", True),
        ({"thread_ts": "1732349999.000001", "text": "yes"}, "1732349999.000001", False),
        ({"channel": "D1", "channel_type": "im", "text": "Hello"}, "direct", True),
        ({"channel": "D1", "thread_ts": "1732349999.000001"}, "1732349999.000001", True),
        ({"channel": "G1", "channel_type": "mpim", "text": "Hello"}, TS, False),
        ({"thread_ts": "no timestamp"}, TS, True),
    ],
)
def test_where_it_was_said_is_its_thread(fields: Json, thread_id: str, addressed: bool) -> None:
    """A thread, a direct conversation, or a thread within one."""
    message = the_message(said(**fields))
    assert (message.thread.id, message.addressed) == (thread_id, addressed)
    direct = message.thread.channel.kind is ChannelKind.DIRECT
    assert direct == message.thread.channel.id.startswith("D")


@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B1"},
        {"bot_profile": {"id": "B1"}},
        {"subtype": "bot_message"},
        {"user": "U0BOT"},
        {"user": "USLACKBOT"},
        {"user": None},
        {"subtype": "channel_join"},
        {"subtype": "huddle_thread"},
        {"subtype": "assistant_app_thread"},
        {"subtype": "tombstone"},
        {"subtype": "message_replied"},
        {"hidden": True},
        {"ts": None},
        {"ts": "yesterday"},
        {"channel": None},
        {"channel": "C1:evil"},
    ],
)
def test_what_no_person_said_means_nothing(fields: Json) -> None:
    """Bots, Slack itself, the bot's own echo, and whatever is not whole."""
    assert heard(said(**fields)) == []


@pytest.mark.parametrize("subtype", ["thread_broadcast", "file_share", "me_message"])
def test_people_say_things_in_several_ways(subtype: str) -> None:
    """Each is a message like any other."""
    assert the_message(said(subtype=subtype)).text == "Hello"


def test_files_come_along() -> None:
    """With what is needed to fetch them; those that are gone are left out."""
    files = [
        {
            "id": "F1",
            "name": "a.png",
            "mimetype": "image/png",
            "size": 3,
            "url_private": "https://x/a",
        },
        {"id": "F2", "mode": "tombstone"},
        {"id": "F3", "mode": "hidden_by_limit"},
        {"id": "F4", "title": "elsewhere", "is_external": True, "url_private": "https://drive/b"},
        {"id": "F5", "file_access": "check_file_info"},
        "no object",
    ]
    assert the_message(said(files=files)).attachments == (
        Attachment("a.png", "image/png", 3, "T1 F1 https://x/a"),
        Attachment("elsewhere", "application/octet-stream", 0, "T1 F4 "),
        Attachment("F5", "application/octet-stream", 0, "T1 F5 "),
    )


def test_what_is_passed_on_stands_before_what_is_said_of_it() -> None:
    """So that the question is last."""
    shared = [{"is_share": True, "text": "Build 7 failed."}]
    message = the_message(said(text="<@U0BOT> Why?", attachments=shared))
    assert message.text == "[Passed on:]\nBuild 7 failed.\n\nWhy?"
    assert the_message(said(text="", attachments=shared, channel="D1")).text == "Build 7 failed."


def changed(new: Json, old: Json | None) -> Json:
    """An event of a change."""
    event: Json = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": "C1"}
    return {**event, "ts": "1732350001.000100", "message": new, "previous_message": old}


def test_an_edit_changes_the_text() -> None:
    """The mention is left out as it was in the first text."""
    event = changed(said(text="<@U0BOT> Good-bye"), said())
    assert heard(event) == [MessageEdited(CHANNEL, TS, "Good-bye")]


def test_an_edit_that_mentions_the_bot_is_a_question_too() -> None:
    """If it was not meant before."""
    edited, received = heard(changed(said(), said(text="Hello")))
    assert isinstance(edited, MessageEdited)
    assert isinstance(received, MessageReceived)
    assert received.message.id == TS


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ({"attachments": [{"from_url": "https://example.com"}]}, {}),
        ({"reply_count": 3, "latest_reply": "1732350002.000100"}, {}),
        ({"edited": {"user": "U0ADA", "ts": TS}}, {}),
        ({"bot_id": "B0BOT", "user": "U0BOT", "text": "more"}, {"bot_id": "B0BOT"}),
        ({"subtype": "bot_message"}, {"subtype": "bot_message", "text": "less"}),
    ],
)
def test_what_nobody_typed_is_no_edit(new: Json, old: Json) -> None:
    """Previews, counts of replies, and the bot's own edits."""
    assert heard(changed(said(**new), said(**old))) == []


def test_deletions_are_told_in_two_ways() -> None:
    """Where replies remain, what is left is a tombstone."""
    deleted = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": TS}
    tombstone = {"subtype": "tombstone", "ts": TS, "text": "This message was deleted."}
    for event in (deleted, changed(tombstone, said())):
        assert heard(event) == [MessageDeleted(CHANNEL, TS)]


_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "subtype",
                "user",
                "text",
                "ts",
                "thread_ts",
                "files",
                "attachments",
                "blocks",
                "message",
                "previous_message",
                "deleted_ts",
                "user_profile",
                "bot_profile",
                "channel",
                "edited",
            ]
        ),
        _values,
    )
)
def test_whatever_an_event_holds_it_is_read_or_passed_over(fields: Json) -> None:
    """Nothing that Slack adds or leaves out breaks the reading."""
    for event in (said(**fields), changed(said(**fields), fields)):
        heard(event)
