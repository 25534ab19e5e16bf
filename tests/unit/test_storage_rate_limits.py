"""The rate limit's promise, for any order of asking, coming back late, giving up and being held up."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

from storage import rate_limits
from tests.storage_kit import at

PER_S = 60.0
LIMITS = st.integers(min_value=1, max_value=4)


@dataclass
class Channel:
    """A channel whose turns ask, wait, come back, give up; it keeps its own account of the starts."""

    connection: Connection
    messages: int
    now_s: float = 0.0
    asked: int = 0
    waiting: dict[str, datetime] = field(default_factory=dict)
    starts_s: dict[str, float] = field(default_factory=dict)

    def ask(self, *, held_up_s: float = 0.0) -> None:
        """A new turn asks; if it may start, its request leaves `held_up_s` later."""
        self.asked += 1
        self._take(f"turn{self.asked:04}", held_up_s)

    def come_back(self, turn_id: str, *, held_up_s: float = 0.0) -> None:
        """A waiting turn asks again."""
        self._take(turn_id, held_up_s)

    def give_up(self, turn_id: str) -> None:
        """A waiting turn will never start."""
        rate_limits.give_back(self.connection, turn_id)
        del self.waiting[turn_id]

    def due(self) -> list[str]:
        """The turns whose time has come, in the order of their places."""
        return sorted(
            (turn_id for turn_id, when in self.waiting.items() if when <= at(self.now_s)),
            key=lambda turn_id: (self.waiting[turn_id], turn_id),
        )

    def _take(self, turn_id: str, held_up_s: float) -> None:
        until = rate_limits.take(
            self.connection,
            channel_key="slack:T1:C1",
            turn_id=turn_id,
            now=at(self.now_s),
            messages=self.messages,
            per_s=PER_S,
        )
        if until is not None:
            assert until > at(self.now_s), "whoever has to wait is told a time to come"
            self.waiting[turn_id] = until
            return
        self.waiting.pop(turn_id, None)
        self.starts_s[turn_id] = self.now_s + held_up_s
        rate_limits.left_at(self.connection, [(turn_id, at(self.now_s + held_up_s))])

    def most_in_any_window(self) -> int:
        """Counted from the starts alone, without a look into the database."""
        starts = sorted(self.starts_s.values())
        return max(
            (sum(first <= other <= first + PER_S for other in starts) for first in starts),
            default=0,
        )


@contextmanager
def channel(messages: int) -> Iterator[Channel]:
    """A channel in a database of its own."""
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with engine.begin() as connection:
        yield Channel(connection, messages)
    engine.dispose()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.just(0)),
        st.tuples(st.just("back"), st.integers(0, 9)),
        st.tuples(st.just("give up"), st.integers(0, 9)),
        st.tuples(st.just("pass"), st.integers(1, 80)),
    ),
    max_size=60,
)


@given(messages=LIMITS, actions=ACTIONS)
def test_no_window_ever_holds_more_than_the_limit(
    messages: int, actions: list[tuple[str, int]]
) -> None:
    """Early, late, never or out of turn: the starts alone show that the limit held."""
    with channel(messages) as one:
        for action, number in actions:
            names = list(one.waiting)
            match action:
                case "ask":
                    one.ask()
                case "back" if names:
                    one.come_back(names[number % len(names)])
                case "give up" if names:
                    one.give_up(names[number % len(names)])
                case "pass":
                    one.now_s += number
        assert one.most_in_any_window() <= messages


@given(messages=LIMITS, delays=st.lists(st.integers(0, 30), min_size=1, max_size=20))
def test_a_request_that_was_held_up_counts_from_when_it_left(
    messages: int, delays: list[int]
) -> None:
    """Even if each request leaves late and the next ones at once."""
    with channel(messages) as one:
        for delay in delays:
            one.ask(held_up_s=delay)
            one.now_s += 40
            for turn_id in one.due():
                one.come_back(turn_id)
        assert one.most_in_any_window() <= messages


@settings(max_examples=50)
@given(messages=LIMITS, gaps=st.lists(st.integers(0, 20), min_size=1, max_size=15))
def test_nobody_is_overtaken_and_everybody_starts(messages: int, gaps: list[int]) -> None:
    """Turns that come back when they are due, or a little later, start in the order of asking."""
    with channel(messages) as one:
        for gap in gaps:
            one.ask()
            one.now_s += gap
            _let_the_due_start(one)
        for _ in gaps:
            one.now_s += PER_S + rate_limits.MARGIN_S
            _let_the_due_start(one)
        starts = [one.starts_s[turn_id] for turn_id in sorted(one.starts_s)]
        assert starts == sorted(starts)
        assert len(starts) == len(gaps)
        assert one.most_in_any_window() <= messages


def _let_the_due_start(one: Channel) -> None:
    for turn_id in one.due():
        one.come_back(turn_id)


def test_a_full_window_frees_one_place_at_a_time() -> None:
    """Three a minute: the fourth follows the first, the fifth the second, and so on."""
    with channel(3) as one:
        for second in range(3):
            one.now_s = second
            one.ask()
        one.now_s = 3
        for _ in range(4):
            one.ask()
        window = PER_S + rate_limits.MARGIN_S
        told = [one.waiting[f"turn{number:04}"] for number in (4, 5, 6, 7)]
        assert told == [at(window), at(1 + window), at(2 + window), at(2 * window)]


def test_a_turn_that_has_started_starts_no_second_time() -> None:
    """Resumed after a crash, it neither waits nor takes another's place."""
    with channel(1) as one:
        one.ask()
        one.ask()
        waiting = dict(one.waiting)
        one.come_back("turn0001")
        assert one.waiting == waiting
