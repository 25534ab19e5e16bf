"""Requests to Discord leave as often as it takes them, and those that matter most go first."""

import asyncio

import pytest

from adapters.discord.pacing import MAX_INVALID, Bucket, Limits, Urgency
from adapters.discord.shares import Shares
from adapters.discord.throttle import Throttle
from bot.ports import PlatformBusy
from bot.vocabulary import ManualClock


def headers(remaining: int, reset_after_s: float, limit: int = 5) -> dict[str, str]:
    """What an answer says of its bucket."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset-After": f"{reset_after_s:.3f}",
    }


async def asked(limits: Limits, bucket: Bucket, urgency: Urgency = Urgency.NEEDED) -> None:
    """A request that is answered at once, and tells nothing of its bucket."""
    await limits.admit(bucket, urgency)
    limits.answered(bucket)


async def test_a_bucket_is_waited_for_as_its_headers_say() -> None:
    """Five may leave; the sixth waits for the window's end, and no longer."""
    clock = ManualClock()
    limits = Limits(clock)
    bucket = limits.bucket("POST", "1")
    for remaining in (4, 3, 2, 1, 0):
        await asked(limits, bucket)
        limits.learn("POST", bucket, headers(remaining, 5.0))
    sixth = asyncio.create_task(asked(limits, bucket))
    await clock.advance(4.9)
    assert not sixth.done()
    await clock.advance(0.2)
    assert sixth.done()


async def test_an_exhausted_bucket_is_told_to_who_has_no_patience() -> None:
    """With the time to wait; a last text may be tried at once, since it waits in line."""
    limits = Limits(ManualClock())
    bucket = limits.bucket("PATCH", "1")
    for remaining in (2, 1):
        await asked(limits, bucket, Urgency.BETWEEN)
        limits.learn("PATCH", bucket, headers(remaining, 5.0))
    with pytest.raises(PlatformBusy) as busy:
        await asked(limits, bucket, Urgency.BETWEEN)
    assert busy.value.retry_after_s == pytest.approx(5.0, abs=0.1)
    assert busy.value.last_change_in_s == 0.0
    await asked(limits, bucket, Urgency.LAST)  # for it one place was left


async def test_channels_do_not_wait_for_each_other() -> None:
    """Each has its bucket."""
    limits = Limits(ManualClock())
    limits.close(60.0, bucket=limits.bucket("POST", "1"))
    await asked(limits, limits.bucket("POST", "2"))


async def test_nothing_leaves_while_all_is_closed() -> None:
    """As after a ban; then it does."""
    clock = ManualClock()
    limits = Limits(clock)
    limits.close(60.0)
    with pytest.raises(PlatformBusy) as busy:
        await asked(limits, limits.bucket("POST", "1"), Urgency.BETWEEN)
    assert busy.value.retry_after_s == busy.value.last_change_in_s == 60.0
    await clock.advance(60.0)
    await asked(limits, limits.bucket("POST", "1"))


async def test_refused_requests_stop_long_before_a_ban() -> None:
    """Half of what would bring it about."""
    limits = Limits(ManualClock())
    for _ in range(MAX_INVALID):
        assert limits.closed_for_s <= 0
        limits.note_invalid()
    assert limits.closed_for_s == pytest.approx(600.0)


def at_once(throttle: Throttle, count: int, due: float = 0.0) -> list["asyncio.Task[None]"]:
    """So many requests that want to leave."""
    return [asyncio.create_task(throttle.take(due)) for _ in range(count)]


def done(tasks: list["asyncio.Task[None]"]) -> int:
    """How many have left."""
    return sum(task.done() for task in tasks)


async def test_so_many_a_second_leave_and_no_more() -> None:
    """A place is free again a second after its answer."""
    clock = ManualClock()
    throttle = Throttle(clock, per_s=10)
    tasks = at_once(throttle, 25)
    await clock.advance(0.1)
    assert done(tasks) == 10
    for _ in range(10):
        throttle.give_back()
    await clock.advance(0.9)
    assert done(tasks) == 10
    await clock.advance(0.2)
    assert done(tasks) == 20
    for _ in range(10):
        throttle.give_back()
    await clock.advance(1.1)
    assert done(tasks) == 25


async def test_what_is_due_first_goes_first() -> None:
    """Whoever came first."""
    clock = ManualClock()
    throttle = Throttle(clock, per_s=1)
    await throttle.take(0.0)
    (late,), (soon,) = at_once(throttle, 1, due=5.0), at_once(throttle, 1, due=1.0)
    await clock.advance(0.0)
    throttle.give_back()
    await clock.advance(1.0)
    assert (soon.done(), late.done()) == (True, False)
    throttle.give_back()
    await clock.advance(1.0)
    assert late.done()


async def test_who_gives_up_takes_no_place() -> None:
    """In line, or just when it was their turn."""
    clock = ManualClock()
    throttle = Throttle(clock, per_s=1)
    await throttle.take(0.0)
    (first,), (second,) = at_once(throttle, 1), at_once(throttle, 1)
    await clock.advance(0.0)
    first.cancel()
    throttle.give_back()
    await clock.advance(1.0)
    assert second.done()


async def test_texts_in_between_give_way_to_first_ones() -> None:
    """Where somebody who sees nothing was turned away, no reply is polished."""
    clock = ManualClock()
    limits = Limits(clock, per_s=30)
    for number in range(30):
        await asked(limits, limits.bucket("POST", str(number)), Urgency.FIRST)
    with pytest.raises(PlatformBusy) as busy:
        await asked(limits, limits.bucket("POST", "30"), Urgency.FIRST)
    assert 0 < busy.value.retry_after_s <= 1.0
    await clock.advance(1.0)
    with pytest.raises(PlatformBusy):
        await asked(limits, limits.bucket("PATCH", "1"), Urgency.BETWEEN)
    await asked(limits, limits.bucket("POST", "30"), Urgency.FIRST)


@pytest.mark.parametrize(("writing", "pause_s"), [(1, 0.0), (2, 2.5), (4, 5.0)])
async def test_a_channel_s_edits_are_shared_fairly(writing: int, pause_s: float) -> None:
    """Alone, a reply may change when the bucket allows it; among others, each takes its turn."""
    clock = ManualClock()
    shares = Shares(clock)
    for number in range(writing):
        assert shares.pause_s("1", str(number)) <= 0
        shares.changed("1", str(number))
    assert shares.pause_s("1", "0") == pytest.approx(pause_s, abs=0.1)
    assert shares.pause_s("2", "0") <= 0
    for number in range(1, writing):
        shares.finished("1", str(number))
    assert shares.pause_s("1", "0") <= 0.1


async def test_a_lone_reply_begins_quickly_and_goes_on_steadily() -> None:
    """So that its edits last as long as its window."""
    clock = ManualClock()
    shares = Shares(clock)
    pauses_s = []
    for _ in range(4):
        shares.changed("1", "reply")
        pauses_s.append(round(shares.pause_s("1", "reply"), 1))
    assert pauses_s[0] == 0.0
    assert pauses_s[1:] == [1.2, 1.2, 1.2]


async def test_a_reply_that_is_left_unfinished_holds_up_no_other() -> None:
    """It counts for a while."""
    clock = ManualClock()
    shares = Shares(clock)
    shares.changed("1", "left")
    shares.changed("1", "2")
    await clock.advance(9.0)
    assert shares.pause_s("1", "2") <= 0
