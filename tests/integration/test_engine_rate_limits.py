"""The channel's rate limit: exact in every window, and kind to those who wait."""

from datetime import datetime

from bot.ports import PlatformUnavailable
from bot.vocabulary import Message
from tests.engine_rig import ADA, GRACE, Rig, engine
from tests.support import wait_until


def _limits(messages: int, per_s: float, **more: object) -> str:
    lines = [f"channel_messages = {messages}", f"channel_per_s = {per_s}"]
    lines += [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
              for key, value in more.items()]  # fmt: skip
    return "\n".join(["[limits]", *lines])


async def _ask_in_turn(rig: Rig, count: int) -> list[Message]:
    """Ask in as many threads, each once the one before has begun or been told to wait."""
    asked = []
    for number in range(count):
        asked.append(rig.say(f"number {number}", thread=rig.thread(f"t{number}")))
        await _taken_up(rig, number)
    return asked


async def _taken_up(rig: Rig, number: int) -> None:
    def begun_or_queued() -> bool:
        shown = rig.replies(rig.thread(f"t{number}"))
        return len(rig.claude.requests) > number or "queued" in "".join(shown)

    await wait_until(begun_or_queued, what=f"number {number} taken up")


def _most_in_any_window(times: list[datetime], per_s: float) -> int:
    """The largest number of instants that lie within less than `per_s` seconds of each other."""
    return max(
        sum(0 <= (other - first).total_seconds() < per_s for other in times) for first in times
    )


async def test_never_too_many_turns_start_in_any_window(ready_url: str) -> None:
    """Two in any half second, by the provider's own clock, and all are answered at last."""
    async with engine(ready_url, _limits(2, 0.5)) as rig:
        await rig.ask(
            "Hello?", thread=rig.thread(channel="other")
        )  # the first of all opens connections
        rig.claude.reset()
        asked = await _ask_in_turn(rig, 6)
        for each in asked:
            assert (await rig.end_of(each)).outcome == "answered"
        requests = rig.claude.requests
        assert len(requests) == 6
        assert _most_in_any_window([request.at for request in requests], 0.5) == 2


async def test_queued_turns_start_in_the_order_of_asking(ready_url: str) -> None:
    """One at a time: nobody is overtaken."""
    async with engine(ready_url, _limits(1, 0.3)) as rig:
        asked = await _ask_in_turn(rig, 5)
        for each in asked:
            assert (await rig.end_of(each)).outcome == "answered"
        order = [prompt.text.rpartition("number ")[2] for prompt in rig.asked]
        assert order == ["0", "1", "2", "3", "4"]


async def test_the_notice_of_being_queued_becomes_the_answer(ready_url: str) -> None:
    """Who has to wait is told so, and how long, in the message that the answer then replaces."""
    async with engine(
        ready_url, _limits(1, 2)
    ) as rig:  # so long that a busy machine gets to say it
        rig.claude.script.always("Here you are.")
        first, second = await _ask_in_turn(rig, 2)
        assert await rig.answer_to(first) == "Here you are."
        assert await rig.answer_to(second) == "Here you are."
        (posted,) = [each for each in rig.platform.posted.values() if each.thread == second.thread]
        (notice,) = [text for text in posted.versions if "queued" in text]
        assert "its limit of 1 answers in 2 seconds" in notice
        assert posted.text == "Here you are."


async def test_other_channels_are_not_limited(ready_url: str) -> None:
    """A channel's limit is its own, and may differ by channel."""
    config = _limits(1, 60) + '\n[channels."memory:lively".limits]\nchannel_messages = 3'
    async with engine(ready_url, config) as rig:
        await rig.ask("a", thread=rig.thread("1"))
        rig.say("b", thread=rig.thread("2"))
        await rig.shows("queued", rig.thread("2"))
        rig.claude.script.always("Yes.")
        for number in range(3):
            thread = rig.thread(f"l{number}", channel="lively")
            assert await rig.ask(f"number {number}", thread=thread) == "Yes."
        last = rig.thread("l3", channel="lively")
        rig.say("number 3", thread=last)
        await rig.shows("queued", last)


async def test_turned_away_once_per_person(ready_url: str) -> None:
    """In `reject` mode each person hears of the limit once, and nothing else is shown."""
    async with engine(ready_url, _limits(1, 60, on_limit="reject")) as rig:
        await rig.ask("first", thread=rig.thread("1"))
        told, untold, other = rig.thread("2"), rig.thread("3"), rig.thread("4")
        assert (await rig.end_of(rig.say("second", thread=told))).outcome == "limited"
        await rig.end_of(rig.say("third", thread=untold))
        await rig.end_of(rig.say("fourth", thread=other, by=GRACE))
        (notice,) = rig.notices(told)
        assert notice.startswith(
            "This channel has reached its limit of 1 answers in a minute. Please ask again in about "
        )
        assert rig.notices(untold) == []
        (also,) = rig.notices(other, to=GRACE)
        assert also.startswith("This channel has reached its limit")
        assert [rig.replies(thread) for thread in (told, untold, other)] == [[], [], []]
        assert len(rig.claude.requests) == 1


async def test_a_notice_that_fails_stops_nothing(ready_url: str) -> None:
    """Where the platform refuses the notice, the thread is free for the next question."""
    async with engine(ready_url, _limits(1, 60, on_limit="reject")) as rig:
        await rig.ask("first", thread=rig.thread("1"))
        rig.platform.fail("notice", PlatformUnavailable("down"))
        end = await rig.end_of(rig.say("second", thread=rig.thread("2")))
        assert end.outcome == "limited"
        await rig.at_rest(rig.thread("2"))


async def test_too_long_a_queue_is_turned_away_and_keeps_no_place(ready_url: str) -> None:
    """Beyond `max_wait_s` people are told instead of queued, and later ones don't wait for them."""
    async with engine(ready_url, _limits(1, 2, max_wait_s=0.2)) as rig:
        first = rig.say("first", thread=rig.thread("1"))
        await rig.answer_to(first)
        turned_away = await rig.end_of(rig.say("second", thread=rig.thread("2")))
        assert turned_away.outcome == "limited"
        assert len(rig.notices(rig.thread("2"), to=ADA)) == 1
        began = rig.claude.requests[0].at
        await wait_until(
            lambda: (rig.database.now() - began).total_seconds() > 2.5, what="a new window"
        )
        third = await rig.end_of(rig.say("third", thread=rig.thread("3")))
        assert third.outcome == "answered"


async def test_an_answer_from_the_cache_counts_for_no_limit(ready_url: str) -> None:
    """Nothing is sent for it, so it needs no place."""
    async with engine(ready_url, _limits(1, 60)) as rig:
        await rig.ask("the same", thread=rig.thread("1"))
        end = await rig.end_of(rig.say("the same", thread=rig.thread("2")))
        assert end.outcome == "cached"
