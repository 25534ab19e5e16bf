"""What the bot says, as requests to Discord."""

import pytest

from adapters.discord.cards import MAX_FIELDS, MAX_TOTAL, MAX_VALUE, card_content, card_embed
from adapters.discord.controls import MAX_CUSTOM_ID, components_of, pressed, said_by
from adapters.discord.identity import Spot, channel_of, discord_thread, reply_chain
from adapters.discord.render import content_of, reference_to, shows
from bot.ports import Choice, Controls, Option, OutgoingFile, Part
from bot.vocabulary import Card, ChoiceMade, Fact, Listing, Person, Rated, StopRequested, Thread

SNOWFLAKE = "1" * 20
THREAD = discord_thread(SNOWFLAKE, SNOWFLAKE, SNOWFLAKE)
MARK = "0123456789abcdef.12"
ADA = Person("1", "Ada")
PICTURE = OutgoingFile("m.f0", "costs.png", "image/png", b"png", "a chart")


def part(text: str = "Hello", **more: object) -> Part:
    """A part of a reply."""
    return Part(mark=MARK, markdown=text, final=True, **more)  # type: ignore[arg-type]


def buttons(thread: Thread, shown: Part) -> list[dict[str, object]]:
    """The buttons of a part."""
    return [button for row in components_of(thread, shown) for button in row["components"]]


def test_nobody_is_pinged_unless_they_take_part() -> None:
    """Not even if the text says so; nor is who is replied to."""
    body = content_of(THREAD, part("@everyone <@1> <@2> <@&3>", may_mention=frozenset({"1", "9"})))
    assert body["allowed_mentions"] == {"parse": [], "replied_user": False, "users": ["1"]}


@pytest.mark.parametrize(
    ("controls", "events"),
    [
        (Controls.NONE, []),
        (Controls.STOP, [StopRequested(THREAD, ADA)]),
        (
            Controls.RATE,
            [Rated(THREAD, "0123456789abcdef", good, ADA) for good in (True, False)],
        ),
    ],
)
def test_a_press_says_all_that_is_needed(controls: Controls, events: list[object]) -> None:
    """Thread and turn, so that any replica can act on it; it fits into a custom id."""
    found = []
    for button in buttons(THREAD, part(controls=controls)):
        custom_id = str(button["custom_id"])
        assert len(custom_id) <= MAX_CUSTOM_ID
        press = pressed(custom_id)
        assert press is not None
        assert press.mark == MARK
        found.append(press.event(SNOWFLAKE, ADA))
    assert found == events


def test_a_choice_is_made_by_a_press() -> None:
    """Whatever else the part has for controls."""
    choice = Choice(
        "0123456789abcdef.q1", "Sure?", (Option("allow", "Yes", danger=True), Option("deny", "No"))
    )
    found = []
    for button in buttons(THREAD, part(choice=choice, controls=Controls.STOP)):
        assert len(str(button["custom_id"])) <= MAX_CUSTOM_ID
        press = pressed(str(button["custom_id"]))
        assert press is not None
        found.append(press.event(SNOWFLAKE, ADA))
    assert found == [ChoiceMade(THREAD, choice.id, option, ADA) for option in ("allow", "deny")]


@pytest.mark.parametrize("custom_id", ["", "other", "s|1|2", "x|1|2|3", "s|1|2|3|4"])
def test_the_buttons_of_others_mean_nothing(custom_id: str) -> None:
    """Such as those of an earlier bot with the same account."""
    assert pressed(custom_id) is None


def test_the_mark_stands_in_the_buttons() -> None:
    """And is found there again; a message without buttons says nothing."""
    said = said_by(components_of(THREAD, part(controls=Controls.STOP)))
    assert said is not None
    assert (said.mark, said.thread(SNOWFLAKE)) == (MARK, THREAD)
    assert said_by(components_of(THREAD, part())) is None


def test_a_reply_points_at_what_it_answers() -> None:
    """In a channel; in a direct message or a thread there is nothing to tell apart."""
    chain = Spot("5", root_id="7", replies=True)
    assert reference_to(chain, "8")["message_reference"]["message_id"] == "8"
    assert reference_to(chain, None)["message_reference"]["message_id"] == "7"
    assert reference_to(chain, "+weekly")["message_reference"]["message_id"] == "7"
    digest = Spot("5", replies=True)
    assert reference_to(digest, "8")["message_reference"]["message_id"] == "8"
    assert reference_to(digest, "weekly") == {}
    assert reference_to(Spot("5"), "8") == {}
    assert reference_to(Spot("8", root_id="8", to_be_opened=True), "9") == {}


def test_an_earlier_attempt_is_recognised() -> None:
    """By text and buttons; Discord trims white space."""
    body = content_of(reply_chain("4", "5", "7"), part("Hello\n", controls=Controls.STOP))
    assert shows({"content": "Hello", "components": body["components"]}, body)
    assert not shows({"content": "Hell", "components": body["components"]}, body)
    assert not shows({"content": "Hello", "components": []}, body)


def card(**more: object) -> Card:
    """A digest."""
    return Card(title="Week 47", lead="It cost $12.34.", **more)  # type: ignore[arg-type]


def test_a_card_is_an_embed_with_its_picture() -> None:
    """The message has a text of its own, with the total; the picture has its description."""
    week = card(
        facts=(Fact("Turns", "12"),),
        listings=(Listing("Channels", ("general: $1", "random: $2")),),
        note="Prices of today",
    )
    body = content_of(Thread(channel_of("4", "5"), "+weekly"), part(card=week, picture=PICTURE))
    assert body["content"] == "**Week 47**\nIt cost $12.34."
    (embed,) = body["embeds"]
    assert embed["image"] == {"url": "attachment://costs.png"}
    assert [field["value"] for field in embed["fields"]] == ["12", "• general: $1\n• random: $2"]
    assert embed["footer"] == {"text": "Prices of today"}
    assert body["attachments"] == [{"id": 0, "filename": "costs.png", "description": "a chart"}]


def test_a_card_keeps_the_limits() -> None:
    """However much there is to tell; what is left out is counted."""
    listing = Listing("Channels", tuple(f"channel {number} cost a lot" for number in range(200)))
    huge = card(
        facts=tuple(Fact("x" * 300, "") for _ in range(40)), listings=(listing,), note="n" * 3000
    )
    embed = card_embed(huge, picture=None)
    assert len(embed["fields"]) <= MAX_FIELDS
    total = sum(len(field["name"]) + len(field["value"]) for field in embed["fields"])
    assert total + len(embed["title"]) + len(embed["footer"]["text"]) <= MAX_TOTAL
    (listed,) = card_embed(card(listings=(listing,)), picture=None)["fields"]
    assert len(listed["value"]) <= MAX_VALUE
    assert listed["value"].endswith("more")
    assert len(card_content(card(note="x"))) < 100
