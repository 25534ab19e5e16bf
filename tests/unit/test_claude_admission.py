"""Who may send a request, and when."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.claude.admission import Admission
from bot.claude.errors import DeadlineExceeded, RateLimited
from bot.claude.fair_queue import FairQueue
from bot.vocabulary import ManualClock, SystemClock

LONG_S = 1000.0


class Doors:
    """An admission with a hand on every request: it stays until it is let out."""

    def __init__(self, *, max_concurrency: int = 1) -> None:
        self.clock = ManualClock()
        self.admission = Admission(max_concurrency=max_concurrency, clock=self.clock)
        self.inside: list[str] = []
        self.order: list[str] = []
        self._exits: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def come(
        self,
        name: str,
        *,
        lane: str = "c",
        model: str = "m",
        headers: dict[str, str] | None = None,
        retry_after_s: float | None = None,
        patience_s: float = LONG_S,
    ) -> asyncio.Task[None]:
        """A request comes; it gets these headers, or is told to wait, when it is inside."""

        async def stay() -> None:
            async with self.admission.slot(
                model=model,
                lane=lane,
                tokens=10,
                deadline=self.clock.monotonic() + LONG_S,
                patience_s=patience_s,
            ) as slot:
                self.inside.append(name)
                self.order.append(name)
                try:
                    slot.answered(headers or {})
                    if retry_after_s is not None:
                        slot.told_to_wait(retry_after_s)
                    await self._exits[name].wait()
                finally:
                    self.inside.remove(name)

        self._exits[name] = asyncio.Event()
        self.tasks[name] = asyncio.ensure_future(stay())
        return self.tasks[name]

    def let_out(self, name: str) -> None:
        """The request is done."""
        self._exits[name].set()

    async def settle(self) -> None:
        """Let everybody move who can."""
        await self.clock.advance(0.0)

    async def clear(self) -> None:
        """Everybody leaves, in the order they came in."""
        while self.inside:
            self.let_out(self.inside[0])
            await self.settle()


def used_up(reset_in_s: int, *, limit: int = 60) -> dict[str, str]:
    """Headers that say: no request left, all of them again in so many seconds."""
    minutes, seconds = divmod(reset_in_s, 60)
    return {
        "anthropic-ratelimit-requests-limit": f"{limit}",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": f"2026-11-23T09:{minutes:02}:{seconds:02}Z",
    }


async def test_no_more_than_so_many_at_once() -> None:
    """The next one enters when one leaves."""
    doors = Doors(max_concurrency=2)
    for name in "abc":
        doors.come(name)
    await doors.settle()
    assert doors.inside == ["a", "b"]
    doors.let_out("a")
    await doors.settle()
    assert doors.inside == ["b", "c"]
    await doors.clear()
    assert doors.admission.free == 2


async def test_channels_take_turns() -> None:
    """A busy channel does not keep a quiet one waiting."""
    doors = Doors()
    for name in ("a1", "a2", "a3", "a4"):
        doors.come(name, lane="a")
    await doors.settle()
    doors.come("b1", lane="b")
    doors.come("c1", lane="c")
    await doors.settle()
    await doors.clear()
    assert doors.order == ["a1", "a2", "b1", "c1", "a3", "a4"]


async def test_models_take_turns() -> None:
    """Neither does a busy model another."""
    doors = Doors()
    for name in ("m1", "m2", "m3"):
        doors.come(name, model="m")
    await doors.settle()
    doors.come("n1", model="n")
    await doors.settle()
    await doors.clear()
    assert doors.order.index("n1") <= 2


async def test_a_used_up_limit_is_not_run_into() -> None:
    """The next request waits until the bucket has room, and then goes by itself."""
    doors = Doors(max_concurrency=5)
    doors.come("a", headers=used_up(60))
    await doors.settle()
    doors.come("b")
    await doors.clock.advance(0.5)
    assert doors.inside == ["a"]
    await doors.clock.advance(0.6)
    assert doors.inside == ["a", "b"]
    await doors.clear()
    await doors.admission.aclose()


async def test_a_limited_model_does_not_hold_up_another() -> None:
    """Limits are per model."""
    doors = Doors(max_concurrency=5)
    doors.come("a", model="m", headers=used_up(60))
    await doors.settle()
    doors.come("b", model="m")
    doors.come("c", model="n")
    await doors.settle()
    assert doors.inside == ["a", "c"]
    await doors.clock.advance(2.0)
    await doors.clear()
    await doors.admission.aclose()


async def test_too_long_a_wait_is_refused_at_once() -> None:
    """Who would have to wait longer than they can is told so, and for how long."""
    doors = Doors(max_concurrency=5)
    doors.come("a", retry_after_s=3600.0)
    await doors.settle()
    with pytest.raises(RateLimited) as caught:
        await doors.come("b", patience_s=30.0)
    assert caught.value.retry_after_s == pytest.approx(3600.0)
    await doors.clear()


async def test_who_already_waits_is_refused_when_the_wait_becomes_too_long() -> None:
    """News of a long wait reaches those who are in the queue."""
    doors = Doors()
    doors.come("a", retry_after_s=None)
    await doors.settle()
    waiting = doors.come("b", patience_s=30.0)
    await doors.settle()
    doors.come("other", model="n")
    gate = doors.admission.gate("m")
    gate.close_for(3600.0, doors.clock.monotonic())
    doors.admission.refuse_the_impatient("m")
    with pytest.raises(RateLimited):
        await waiting
    await doors.clear()
    assert doors.order == ["a", "other"]
    assert doors.admission.free == 1


async def test_no_place_in_time_is_an_error() -> None:
    """A wait ends at the deadline, and leaves nothing behind."""
    admission = Admission(max_concurrency=1, clock=SystemClock())
    clock = admission.clock
    async with admission.slot(model="m", lane="a", tokens=1, deadline=clock.monotonic() + LONG_S):
        with pytest.raises(DeadlineExceeded):
            async with admission.slot(
                model="m", lane="b", tokens=1, deadline=clock.monotonic() + 0.01
            ):
                pytest.fail("there was no place")
        assert admission.waiting == 0
    assert admission.free == 1


async def test_a_deadline_in_the_past_is_no_hang() -> None:
    """There is nothing to wait for."""
    admission = Admission(max_concurrency=1, clock=SystemClock())
    clock = admission.clock
    async with admission.slot(model="m", lane="a", tokens=1, deadline=clock.monotonic() + LONG_S):
        with pytest.raises(DeadlineExceeded):
            async with admission.slot(model="m", lane="b", tokens=1, deadline=0.0):
                pytest.fail("there was no place")


def test_a_limit_below_one_is_refused() -> None:
    """Nothing could ever go."""
    with pytest.raises(ValueError, match="max_concurrency"):
        Admission(max_concurrency=0, clock=ManualClock())


moves = st.lists(
    st.tuples(st.sampled_from(["come", "leave", "cancel", "leave and cancel"]), st.integers(0, 30)),
    max_size=40,
)


@settings(max_examples=60)
@given(moves, st.integers(1, 3))
def test_whoever_leaves_in_whatever_way_nobody_is_stuck(
    script: list[tuple[str, int]], max_concurrency: int
) -> None:
    """After any mixture of coming, leaving and being cancelled, at every moment as many are inside as
    can be, and in the end all places are free again."""

    async def play() -> None:
        doors = Doors(max_concurrency=max_concurrency)
        alive: dict[str, asyncio.Task[None]] = {}
        for number, (move, which) in enumerate(script):
            if move == "come":
                name = f"n{number}"
                alive[name] = doors.come(name, lane=f"lane{which % 3}", model=f"model{which % 2}")
            else:
                _leave(doors, alive, move, which)
            if which % 2:  # sometimes several things happen before anybody moves
                await doors.settle()
        await doors.settle()
        waiting = [name for name, task in alive.items() if not task.done()]
        assert len(doors.inside) == min(max_concurrency, len(waiting))
        await doors.clear()
        assert all(task.done() for task in alive.values())
        assert (doors.admission.free, doors.admission.waiting) == (max_concurrency, 0)

    asyncio.run(play())


def _leave(doors: Doors, alive: dict[str, asyncio.Task[None]], move: str, which: int) -> None:
    if not alive:
        return
    name = list(alive)[which % len(alive)]
    if move.startswith("leave"):
        doors.let_out(name)
    if move.endswith("cancel"):
        alive[name].cancel()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=30))
def test_a_fair_queue_serves_every_lane_in_turn_and_in_order(items: list[tuple[str, int]]) -> None:
    """Within a lane first come, first served; and no lane is served twice while another waits."""
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for item in items:
        queue.push(item[0], item)
    served = [queue.pop() for _ in range(len(queue))]
    for lane in "abc":
        assert [i for i in served if i[0] == lane] == [i for i in items if i[0] == lane]
    for end in range(len(served)):
        count = Counter(lane for lane, _ in served[: end + 1])
        still_waiting = {lane for lane, _ in served[end + 1 :]}
        assert all(count[other] <= count[lane] + 1 for lane in still_waiting for other in "abc")


def test_an_empty_fair_queue_says_so() -> None:
    """There is nothing to serve."""
    queue: FairQueue[str] = FairQueue()
    verbs: list[Callable[[], str]] = [queue.peek, queue.pop]
    for verb in verbs:
        with pytest.raises(IndexError):
            verb()
    queue.remove("lane", "item")
    assert not queue
