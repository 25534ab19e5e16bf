"""What stands around an answer: buttons to stop and to rate it, cards with a picture, who is asking."""

from collections.abc import Mapping

import pytest

from bot.ports import Capabilities, Controls, PlatformBusy, PlatformUnavailable
from bot.vocabulary import Card, Fact, Listing, Person, Rated, StoredFile
from sandbox.claude import Fault
from storage import ratings
from tests.engine_rig import ADA, GRACE, Rig, engine
from tests.support import wait_until

PLAIN = Capabilities(max_chars=2000)
CARDS = Capabilities(max_chars=2000, cards=True)
PICTURE = b"\x89PNG a chart"
CARD = Card(
    title="Week 47",
    lead="It cost $12.34.",
    facts=(Fact("Answers", "120"),),
    listings=(Listing("By channel", ("general: $10.00", "random: $2.34")),),
    note="Prices may change.",
)


async def _ratings(rig: Rig, turn_id: str) -> Mapping[str, bool]:
    return await rig.database.read(ratings.of_turn, turn_id)


async def _digest(rig: Rig) -> StoredFile:
    sha256 = await rig.kept(PICTURE, "image/png")
    return StoredFile("week.png", "image/png", sha256, "Cost by day")


# Standing buttons


async def test_an_answer_can_be_stopped_while_it_is_written_and_rated_afterwards(
    ready_url: str,
) -> None:
    """One message: at first with a button to stop, in the end with those to rate it."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("First half. Second half.")
        rig.claude.hold(after_chunks=1)
        question = rig.say("Tell me.")
        await rig.shows("First")
        assert [posted.controls for posted in rig.shown()] == [Controls.STOP]
        rig.claude.release()
        await rig.answer_to(question)
        assert [posted.controls for posted in rig.shown()] == [Controls.RATE]


async def test_the_last_message_alone_has_buttons(ready_url: str) -> None:
    """An answer of several messages is rated under its end."""
    async with engine(ready_url, capabilities=Capabilities(max_chars=100)) as rig:
        rig.claude.script.always("Some words of it. " * 12)
        await rig.ask("Tell me.")
        controls = [posted.controls for posted in rig.shown()]
        assert len(controls) > 1
        assert controls == [Controls.NONE] * (len(controls) - 1) + [Controls.RATE]


async def test_buttons_can_be_switched_off(ready_url: str) -> None:
    """With `buttons = false` there is nothing but the text, from the first to the last."""
    async with engine(ready_url, "[replies]\nbuttons = false") as rig:
        rig.claude.hold(after_chunks=1)
        question = rig.say("Tell me.")
        await wait_until(lambda: len(rig.shown()) == 1, what="the placeholder")
        assert rig.shown()[0].controls is Controls.NONE
        rig.claude.release()
        await rig.answer_to(question)
        assert rig.shown()[0].controls is Controls.NONE


async def test_what_claude_did_not_say_is_not_rated(ready_url: str) -> None:
    """A sentence of the bot's own, a command's answer and an announcement have no buttons."""
    async with engine(ready_url, "[claude]\nmax_attempts = 1\noutage_patience_s = 0") as rig:
        rig.claude.fail_next(Fault.of_status(500), times=None)
        await rig.ask("Hello?")
        await rig.ask("/help")
        await rig.end_of(await rig.announce("A word.", thread=rig.thread()))
        assert [posted.controls for posted in rig.shown()] == [Controls.NONE] * 3


async def test_the_last_word_of_each_person_counts(ready_url: str) -> None:
    """Two people rate an answer, one of them twice; a redelivered press changes nothing."""
    async with engine(ready_url) as rig:
        ended = await rig.end_of(rig.say("Hello?"))
        (answer,) = rig.shown()
        for by, good in [(ADA, True), (GRACE, False), (ADA, False), (ADA, False)]:
            rig.platform.rate(answer, by, good=good)
        rig.platform.rate(answer, GRACE, good=True)
        await rig.taken_in()
        assert await _ratings(rig, ended.turn_id) == {ADA.id: False, GRACE.id: True}
        assert await rig.turn_count() == 1


async def test_an_unknown_turn_cannot_be_rated(ready_url: str) -> None:
    """A press that names no turn of ours is taken in and forgotten; the next question is answered."""
    async with engine(ready_url) as rig:
        rig.platform.happen(Rated(rig.thread(), "no-such-turn", good=True, by=ADA))
        assert await rig.ask("Hello?")
        assert await _ratings(rig, "no-such-turn") == {}


# Cards


async def test_a_card_is_one_message_where_there_are_cards(ready_url: str) -> None:
    """The platform lays it out natively, its picture in the same message; the words are there too."""
    async with engine(ready_url, capabilities=CARDS) as rig:
        file = await _digest(rig)
        announced = await rig.announce(CARD.markdown(), card=CARD, files=(file,))
        await rig.end_of(announced)
        (posted,) = rig.shown(announced.thread)
        assert posted.card == CARD
        assert posted.picture is not None
        assert (posted.picture.content, posted.picture.alt) == (PICTURE, "Cost by day")
        assert posted.text == CARD.markdown()


async def test_a_card_is_text_and_a_picture_elsewhere(ready_url: str) -> None:
    """Without cards the same is said in Markdown, and the picture follows as a file."""
    async with engine(ready_url, capabilities=PLAIN) as rig:
        file = await _digest(rig)
        announced = await rig.announce(CARD.markdown(), card=CARD, files=(file,))
        await rig.end_of(announced)
        text, picture = rig.shown(announced.thread)
        assert text.text == CARD.markdown()
        assert (text.card, text.picture) == (None, None)
        assert picture.file is not None
        assert (picture.file.content, picture.file.name) == (PICTURE, "week.png")


@pytest.mark.parametrize("capabilities", [CARDS, PLAIN], ids=["cards", "plain"])
async def test_files_beside_the_picture_follow(ready_url: str, capabilities: Capabilities) -> None:
    """The first file is the card's picture; those after it are sent, each once."""
    async with engine(ready_url, capabilities=capabilities) as rig:
        file = await _digest(rig)
        table = StoredFile("week.csv", "text/csv", await rig.kept(b"a,b", "text/csv"))
        announced = await rig.announce(CARD.markdown(), card=CARD, files=(file, table))
        await rig.end_of(announced)
        sent = [each.file for each in rig.shown(announced.thread) if each.file is not None]
        assert [each.name for each in sent] == (
            ["week.csv"] if capabilities.cards else ["week.png", "week.csv"]
        )
        assert sent[-1].content == b"a,b"


async def test_a_card_that_could_not_be_shown_is_shown_once_later(ready_url: str) -> None:
    """The platform fails in the middle, after having acted: still one card, and one of each file."""
    async with engine(ready_url, capabilities=CARDS) as rig:
        rig.platform.fail("post", PlatformUnavailable("no answer"), acted=True)
        rig.platform.fail("send_file", PlatformBusy("slow down", retry_after_s=0.1))
        table = StoredFile("week.csv", "text/csv", await rig.kept(b"a,b", "text/csv"))
        announced = await rig.announce(
            CARD.markdown(), card=CARD, files=(await _digest(rig), table)
        )
        await rig.end_of(announced)
        card, file = rig.shown(announced.thread)
        assert card.card == CARD
        assert file.file is not None
        assert file.file.name == "week.csv"


async def test_a_card_larger_than_a_message_is_still_one(ready_url: str) -> None:
    """Where there are cards its words need not fit into a message; where not, they fill several."""
    long = Card(title="All", lead="x " * 300, listings=(Listing("Lines", ("y " * 50,) * 10),))
    for cards in (True, False):
        capabilities = Capabilities(max_chars=400, cards=cards)
        async with engine(ready_url, capabilities=capabilities) as rig:
            place = rig.thread(f"+{cards}")
            await rig.end_of(await rig.announce(long.markdown(), card=long, thread=place))
            shown = rig.shown(place)
            assert shown[0].card == (long if cards else None)
            assert (len(shown) == 1) == cards


# Who is asking


async def test_the_platform_says_who_is_asking(ready_url: str) -> None:
    """An event knows its author's id alone: Claude hears the name."""
    async with engine(ready_url) as rig:
        rig.platform.people["U9"] = Person("U9", "Barbara", admin=True)
        await rig.ask("Who am I?", by=Person("U9", "U9"))
        assert rig.asked[-1].text == "[Barbara says:]\nWho am I?"


async def test_a_platform_that_does_not_say_is_answered_all_the_same(ready_url: str) -> None:
    """The name can't be had: the question is answered under the one that the event gave."""
    async with engine(ready_url) as rig:
        rig.platform.fail("introduce", PlatformUnavailable("no answer"))
        await rig.ask("Who am I?")
        assert rig.asked[-1].text == "[Ada says:]\nWho am I?"


async def test_admins_are_known_by_their_introduction(ready_url: str) -> None:
    """Whoever manages the workspace may use what is reserved for admins, though no event said so."""
    config = '[plugins.core]\nroles = { help = "admin" }'
    async with engine(ready_url, config) as rig:
        rig.platform.people["U9"] = Person("U9", "Barbara", admin=True)
        assert "Only admins" in await rig.ask("/help", by=ADA)
        assert "Only admins" not in await rig.ask("/help", by=Person("U9", "U9"))


async def test_an_edit_is_introduced_again(ready_url: str) -> None:
    """The question changes while it is being answered: the new words come under the same name."""
    async with engine(ready_url) as rig:
        rig.platform.people["U9"] = Person("U9", "Barbara")
        rig.claude.hold()
        question = rig.say("Old words", by=Person("U9", "U9"))
        await wait_until(lambda: len(rig.claude.requests) == 1, what="the first request")
        rig.platform.change(question, "New words")
        await wait_until(lambda: len(rig.claude.requests) == 2, what="the second request")
        rig.claude.release()
        await rig.answer_to(question)
        assert rig.asked[-1].text == "[Barbara says:]\nNew words"
