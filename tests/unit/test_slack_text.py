"""What people typed in Slack, read back from what Slack makes of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.inbound_text import mentions, typed, without_address
from adapters.slack.rich_text import shared_text, text_of
from sandbox.slack.entities import escape, rich_text

BOT = "U0PARLEY01"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("What is **bold** &amp; &lt;b&gt;this&lt;/b&gt;?  two  spaces", None),
        ("AT&amp;amp;T is written with an escape", "AT&amp;T is written with an escape"),
        ("see <https://example.com/a?b=1&amp;c=2>", "see https://example.com/a?b=1&c=2"),
        ("see <http://example.com|example.com> now", "see example.com now"),
        ("see <https://example.com/|the page>", "see [the page](https://example.com/)"),
        ("write to <mailto:ada@example.com|ada@example.com>", "write to ada@example.com"),
        ("call <tel:+4412345|+44 123 45>", "call [+44 123 45](tel:+4412345)"),
        ("in <#C0SANDBOX1|general> and <#C0SANDBOX2>", "in #general and <#C0SANDBOX2>"),
        ("<@U0ADA00001|ada> and <@U0GRACE001>", "@ada and <@U0GRACE001>"),
        ("<!here> <!channel|@channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S0123|@team> <!subteam^S0123>", "@team @group"),
        ("due <!date^1392734382^{date_short}|Feb 18, 2014>", "due Feb 18, 2014"),
        (":tada: a < b", ":tada: a < b"),
        ("```\nif a &lt; b:\n    pass\n```", "```\nif a < b:\n    pass\n```"),
    ],
)
def test_the_text_is_what_its_author_typed(sent: str, meant: str | None) -> None:
    """Escapes, links, mentions and dates are undone, and nothing else is touched."""
    plain = "What is **bold** & <b>this</b>?  two  spaces"
    assert typed(sent) == (meant if meant is not None else plain)


@given(st.text())
def test_any_text_survives_slacks_escaping(text: str) -> None:
    """Whatever somebody types reaches the bot unchanged."""
    assert typed(escape(text)) == text


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"<@{BOT}> What is this?", "What is this?"),
        (f"  <@{BOT}>: What is this?", "What is this?"),
        (f"<@{BOT}|parley>, what is this?", "what is this?"),
        (f"<@{BOT}>\n```code```", "```code```"),
        (f"<@{BOT}> <@{BOT}> hi", "hi"),
        (f"What is this? <@{BOT}>", "What is this?"),
        (f"Ask <@{BOT}> about this.", f"Ask <@{BOT}> about this."),
        (f"<@{BOT}>", ""),
        (f"<@{BOT}>  two  spaces  ", "two  spaces  "),
        ("<@U0ADA00001> hi", "<@U0ADA00001> hi"),
    ],
)
def test_the_bots_address_is_no_part_of_what_is_said(said: str, left: str) -> None:
    """At the beginning and at the end; within a sentence it means something."""
    assert without_address(said, BOT) == left


def test_a_mention_is_of_exactly_this_user() -> None:
    """No other whose id begins in the same way."""
    assert mentions(f"hi <@{BOT}>", BOT)
    assert mentions(f"hi <@{BOT}|parley>", BOT)
    assert not mentions(f"hi <@{BOT}2>", BOT)
    assert not mentions(f"hi &lt;@{BOT}&gt;", BOT)


@pytest.mark.parametrize(
    "sent",
    ["Hello &amp; good-bye", f"<@{BOT}> in <#C1> for <!here>", "see <https://example.com>"],
)
def test_blocks_say_the_same_as_text(sent: str) -> None:
    """A message without text is read from its blocks."""
    assert text_of({"text": "", "blocks": [rich_text(sent, "b1")]}) == sent


def test_rich_text_keeps_its_layout() -> None:
    """Lists, quotes and code."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]}
    blocks = [
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_list", "style": "ordered", "elements": [section, section]},
                {"type": "rich_text_list", "style": "bullet", "elements": [section]},
                {
                    "type": "rich_text_quote",
                    "elements": [{"type": "text", "text": "a\nb"}],
                },
                {
                    "type": "rich_text_preformatted",
                    "elements": [{"type": "text", "text": "if a < b:"}],
                },
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "x", "style": {"code": True}},
                        {"type": "emoji", "name": "tada"},
                        {"type": "something_new", "what": 1},
                    ],
                },
            ],
        }
    ]
    assert typed(text_of({"blocks": blocks})) == (
        "1. one\n2. one\n• one\n> a\n> b\n```\nif a < b:\n```\n`x`:tada:"
    )


def test_what_is_passed_on_is_told_from_previews() -> None:
    """A shared message is part of what is said, a preview of a page is not."""
    shared = {"is_share": True, "text": "Build 7 failed.", "author_name": "CI"}
    preview = {"from_url": "https://example.com", "title": "A page"}
    assert shared_text({"attachments": [preview, shared]}) == "Build 7 failed."


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["type", "text", "elements", "blocks", "fields"]), inner
            )
        ),
    )
)
def test_nothing_that_slack_could_add_breaks_reading(value: object) -> None:
    """Whatever stands there, it is text or it is nothing."""
    message = {"text": None, "blocks": value, "attachments": value}
    assert isinstance(text_of(message), str)
