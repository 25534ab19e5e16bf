"""What Discord sends reads as people would read it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.identity import (
    Spot,
    channel_of,
    direct_thread,
    discord_thread,
    interaction_thread,
    reply_chain,
    spot_of,
)
from adapters.discord.mentions import Names, codes_left, mentioned_users, readable, without_address
from adapters.discord.opening import MAX_NAME, name_from
from adapters.discord.parse import (
    attachments_of,
    person_of,
    reference_of,
    said_by_person,
    says_nothing,
    text_of,
)
from adapters.discord.places import ADMINISTRATOR, Guild, Role
from bot.vocabulary import ChannelKind, Thread

NAMES = Names(
    users={"1": "Ada"},
    role={"2": "Makers"}.get,
    channel={"3": "general"}.get,
)
OWN = ("<@9>", "<@!9>", "<@&8>")


def said(**fields: Any) -> Mapping[str, Any]:
    """A message of Ada's."""
    author = {"id": "1", "username": "ada", "global_name": "Ada"}
    return {"id": "100", "type": 0, "author": author, "content": "", **fields}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("hello", "hello"),
        ("<@1> and <@!1>", "@Ada and @Ada"),
        ("<@&2> in <#3>", "@Makers in #general"),
        ("<:party:123> <a:wave:4>", ":party: :wave:"),
        ("<t:0> <t:86400:R>", "1970-01-01 00:00 UTC 1970-01-02 00:00 UTC"),
        ("</remind:5> or </a b:6>", "/remind or /a b"),
        ("<@7> <@&7> <#7>", "<@7> <@&7> <#7>"),
        ("<t:99999999999999999>", "<t:99999999999999999>"),
        ("<t:9999999999999>", "<t:9999999999999>"),
        ("a < b <@ x>", "a < b <@ x>"),
    ],
)
def test_codes_have_names(written: str, read: str) -> None:
    """Those whose name is not known stay as they are."""
    assert readable(written, NAMES) == read


@given(st.text(st.characters(codec="utf-8")))
def test_what_holds_no_code_is_left_alone(text: str) -> None:
    """Not a character changes."""
    if not any(codes_left(text)) and "<t:" not in text and ":" not in text:
        assert readable(text, NAMES) == text


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("<@9> hello", "hello"),
        ("<@!9>, hello", "hello"),
        ("<@9>: hello", "hello"),
        ("<@&8> hello <@9>", "hello"),
        ("hello <@9>", "hello"),
        ("ask <@9> about it", "ask <@9> about it"),
        ("<@9>  two  spaces", "two  spaces"),
        ("<@9>", ""),
        ("hello, ", "hello, "),
    ],
)
def test_an_address_is_taken_off(written: str, left: str) -> None:
    """At the ends, where it only says who is meant."""
    assert without_address(written, OWN) == left


def test_the_people_a_text_mentions() -> None:
    """Each once, in order; roles are no people."""
    assert mentioned_users("<@2> <@!1> <@2> <@&3> <#4>") == ["2", "1"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"content": "<@9> hello"}, "hello"),
        ({"content": "<@9>"}, "<@9>"),
        ({"content": "<@9>", "attachments": [{"filename": "a.png"}]}, ""),
        (
            {"message_snapshots": [{"message": {"content": "old\nnews <@1>"}}], "content": "look"},
            "look\n\n[forwarded message]\n> old\n> news @Ada",
        ),
        ({"message_snapshots": [{"message": {"content": ""}}]}, "[forwarded message]"),
        ({"sticker_items": [{"id": "1", "name": "wave"}]}, "[sticker: wave]"),
        (
            {
                "poll": {
                    "question": {"text": "Lunch?"},
                    "answers": [
                        {"poll_media": {"text": "Yes"}},
                        {"poll_media": {"text": "No"}},
                    ],
                }
            },
            "[poll: Lunch?]\n- Yes\n- No",
        ),
    ],
)
def test_what_a_message_says(fields: Mapping[str, Any], text: str) -> None:
    """Forwards, stickers and polls are described; a bare address stays, so that something was said."""
    assert text_of(said(**fields), NAMES, own=OWN) == text


def test_what_another_bot_shows_is_read() -> None:
    """An alert in an embed, as what an answer is asked about."""
    embed = {"title": "Disk full", "description": "on box <@1>"}
    author = {"id": "5", "username": "alerts", "bot": True}
    assert text_of(said(author=author, embeds=[embed]), NAMES) == "Disk full\non box <@1>"


def test_files_of_a_message_and_of_what_it_forwards() -> None:
    """With their kinds, without parameters."""
    file = {"filename": "a.txt", "content_type": "text/plain; charset=utf-8", "size": 3, "url": "u"}
    found = attachments_of(
        said(attachments=[file], message_snapshots=[{"message": {"attachments": [{"url": "v"}]}}])
    )
    assert [(each.name, each.media_type, each.size_bytes, each.source) for each in found] == [
        ("a.txt", "text/plain", 3, "u"),
        ("file", "application/octet-stream", 0, "v"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": 7},
        {"type": 21},
        {"webhook_id": "3"},
        {"author": {"id": "5", "bot": True}},
        {"author": {"id": "5", "system": True}},
    ],
)
def test_only_people_are_heard(fields: Mapping[str, Any]) -> None:
    """No bots, no webhooks, nothing of Discord's own."""
    assert said_by_person(said())
    assert said_by_person(said(type=19))
    assert not said_by_person(said(**fields))


def test_a_forward_is_no_reply() -> None:
    """Both point at a message."""
    assert reference_of(said(message_reference={"message_id": "7"})) == "7"
    assert reference_of(said(message_reference={"message_id": "7", "type": 1})) is None
    assert reference_of(said()) is None


def test_a_message_that_may_not_be_seen_says_nothing() -> None:
    """As without the message content intent."""
    assert says_nothing(said())
    assert not says_nothing(said(sticker_items=[{"name": "wave"}]))


def test_who_manages_a_server_is_an_admin() -> None:
    """Its owner, and those whose roles say so; by the name that others see."""
    guild = Guild("4", owner_id="1", roles={"6": Role("Admins", ADMINISTRATOR)})
    assert person_of(said(), guild).admin
    assert not person_of(said(), None).admin
    other = {"id": "2", "username": "grace"}
    grace = person_of(said(author=other, member={"roles": ["6"], "nick": "Gracie"}), guild)
    assert (grace.name, grace.admin) == ("Gracie", True)
    assert not person_of(said(author=other, member={"roles": []}), guild).admin


def test_threads_say_where_to_speak() -> None:
    """Their ids are all that another replica has."""
    general = channel_of("4", "5")
    assert spot_of(direct_thread("6")) == Spot("6")
    assert direct_thread("6").channel.kind is ChannelKind.DIRECT
    assert spot_of(reply_chain("4", "5", "7")) == Spot("5", root_id="7", replies=True)
    assert spot_of(discord_thread("4", "5", "8")) == Spot("8", root_id="8", to_be_opened=True)
    assert discord_thread("4", "5", "8").channel == general
    assert spot_of(interaction_thread("4", "5", "9")) == Spot("5", interaction_id="9")
    assert spot_of(Thread(general, "+weekly")) == Spot("5", replies=True)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("\n  What now?  \nmore", "What now?"),
        ("", "Question"),
        ("x" * 200, "x" * (MAX_NAME - 1) + "…"),
    ],
)
def test_a_thread_is_named_from_the_question(question: str, name: str) -> None:
    """By its first line, as far as there is room."""
    assert name_from(question) == name
