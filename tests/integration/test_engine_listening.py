"""Threads of several people: whom the bot counts, what it overhears, what of that Claude hears."""

import pytest

from bot.ports import Capabilities, PlatformUnavailable
from bot.vocabulary import Attachment, Person
from tests.engine_rig import ADA, GRACE, engine

KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz"
GUARDED = "[plugins.guard]\nenabled = true"
PICTURE = Attachment("plan.png", "image/png", 4, "plan")


async def test_who_spoke_before_the_bot_came_counts(ready_url: str) -> None:
    """Called into a conversation of two, it does not take what they say on for meant for itself."""
    async with engine(ready_url) as rig:
        rig.say("The release is on Friday.", by=GRACE, addressed=False)
        await rig.ask("When is the release?", by=ADA)
        rig.say("Good to know.", by=ADA, addressed=False)
        await rig.at_rest()
        assert len(rig.replies()) == 1


@pytest.mark.parametrize(("before", "replies"), [((), 2), ((GRACE,), 1)], ids=["alone", "two"])
async def test_who_spoke_before_counts_after_a_command_too(
    ready_url: str, before: tuple[Person, ...], replies: int
) -> None:
    """Called by a command at first, the bot knows whether several people talk there."""
    async with engine(ready_url) as rig:
        for person in before:
            rig.say("The release is on Friday.", by=person, addressed=False)
        await rig.ask("/help")
        rig.say("And now?", by=ADA, addressed=False)
        await rig.at_rest()
        assert len(rig.replies()) == replies


async def test_what_was_said_before_a_command_is_known_afterwards(ready_url: str) -> None:
    """The command itself is not kept, what stood above it is."""
    async with engine(ready_url) as rig:
        rig.say("The release is on Friday.", by=GRACE, addressed=False)
        await rig.ask("/help")
        await rig.ask("When is the release?")
        assert rig.asked[-1].whole.count("Grace: The release is on Friday.") == 1
        assert "/help" not in rig.asked[-1].whole


async def test_a_thread_that_cannot_be_read_is_answered_all_the_same(ready_url: str) -> None:
    """The platform does not say what stood above: the question is answered without it."""
    async with engine(ready_url) as rig:
        rig.platform.fail("said_before", PlatformUnavailable("no history"))
        rig.say("The release is on Friday.", by=GRACE, addressed=False)
        await rig.ask("When is the release?")
        assert rig.asked[-1].text == "[Ada says:]\nWhen is the release?"


async def test_an_announcement_is_nobody_speaking(ready_url: str) -> None:
    """Where the bot has spoken of its own accord, the first person to answer needs no mention."""
    async with engine(ready_url) as rig:
        announced = await rig.announce("Time to water the plants.")
        await rig.end_of(announced)
        rig.say("Which ones?", by=ADA, addressed=False, thread=announced.thread)
        await rig.at_rest(announced.thread)
        assert rig.asked[-1].text == "[Ada says:]\nWhich ones?"
        assert len(rig.replies(announced.thread)) == 2


async def test_who_is_overheard_is_known_by_name(ready_url: str) -> None:
    """Events may know people by their ids alone: Claude is told their names all the same."""
    async with engine(ready_url) as rig:
        rig.platform.people["U9"] = Person("U9", "Barbara")
        await rig.ask("Hello?")
        rig.say("I prefer tea.", by=Person("U9", "U9"), addressed=False)
        await rig.at_rest()
        await rig.ask("What does Barbara prefer?")
        assert "[Barbara says:]\nI prefer tea." in rig.asked[-1].whole


async def test_a_file_that_is_overheard_is_named(ready_url: str) -> None:
    """Claude knows that there was a picture, though it was not read."""
    async with engine(ready_url) as rig:
        await rig.ask("Hello?")
        rig.say("Here it is.", by=GRACE, addressed=False, attachments=[PICTURE])
        await rig.at_rest()
        await rig.ask("What did Grace show?")
        assert "Here it is. [file: plan.png]" in rig.asked[-1].whole
        assert "fetch" not in rig.platform.requests


async def test_filters_see_what_is_overheard(ready_url: str) -> None:
    """A key that somebody lets slip among others never goes to Claude, and nobody is told off."""
    async with engine(ready_url, GUARDED) as rig:
        await rig.ask("Hello?")
        rig.say(f"The key is {KEY}.", by=GRACE, addressed=False)
        await rig.at_rest()
        await rig.ask("What is the key?")
        assert KEY not in rig.asked[-1].whole
        assert "[Grace says:]\nThe key is [" in rig.asked[-1].whole
        assert len(rig.replies()) == 2


@pytest.mark.parametrize("action", ["redact", "block"])
async def test_filters_see_what_was_said_before(ready_url: str, action: str) -> None:
    """What stood in the thread before the bot came goes through the filters as well; what they block
    is left out, and the rest is told."""
    async with engine(ready_url, f'{GUARDED}\ninbound = "{action}"') as rig:
        rig.say(f"The key is {KEY}.", by=GRACE, addressed=False)
        rig.say("It opens the door.", by=GRACE, addressed=False)
        await rig.ask("What does the key open?")
        assert KEY not in rig.asked[-1].whole
        assert "Grace: It opens the door." in rig.asked[-1].whole
        assert ("Grace: The key is [" in rig.asked[-1].whole) == (action == "redact")


async def test_listening_asks_nothing_of_the_platforms_sign(ready_url: str) -> None:
    """Where people talk among themselves no sign of being at work comes or goes."""
    async with engine(ready_url, capabilities=Capabilities(max_chars=2000, status=True)) as rig:
        await rig.ask("Hello?")
        shown = rig.platform.requests.count("show_status")
        rig.say("I prefer tea.", by=GRACE, addressed=False)
        await rig.at_rest()
        assert rig.platform.requests.count("show_status") == shown
