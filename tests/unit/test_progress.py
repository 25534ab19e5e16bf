"""What is written down of requests under way: as much as will have come by the next time."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.engine.progress import FIRST_TOKENS_PER_S, LOOK_S, Progress
from bot.vocabulary import Usage

OPENED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATENCY_S = 0.5


def at(seconds: float) -> datetime:
    """So long after the request left."""
    return OPENED + timedelta(seconds=seconds)


def written(pace: float, *, most: int | None, seconds: int = 20) -> list[tuple[int, int]]:
    """At each tenth of a second of a request that writes at this pace: what has come, and what stands in
    the ledger. It is told every second, and written whenever that is to be looked at."""
    progress, ledger, seen = Progress(), 0, []
    progress.begin("e1", most=most, at=OPENED)
    tenths, look = 10, round(LOOK_S * 10)
    for tenth in range(int(LATENCY_S * tenths), seconds * tenths):
        now, output = at(tenth / tenths), round(pace * (tenth / tenths - LATENCY_S))
        output = output if most is None else min(output, most)
        if tenth % tenths == 0:
            progress.tell("e1", Usage(input_tokens=100, output_tokens=output), now)
        if tenth % look == 3:
            due = progress.due(now)
            progress.written(due)
            ledger = dict(due).get("e1", Usage(output_tokens=ledger)).output_tokens
        seen.append((output, ledger))
    return seen


@pytest.mark.parametrize("pace", [5.0, 80.0, 400.0, 3_000.0])
def test_the_ledger_is_never_behind_once_the_pace_is_known(pace: float) -> None:
    """Whatever the moment at which the process is killed; and it is ahead by no more than a look."""
    for output, ledger in written(pace, most=None)[20:]:
        assert output <= ledger + 1  # which is rounded
        assert ledger <= output + pace * LOOK_S + 2


def test_until_its_pace_is_known_a_request_is_taken_to_be_quick() -> None:
    """One that is killed in its first half second is booked with what a quick model writes in it."""
    progress = Progress()
    progress.begin("e1", most=None, at=OPENED)
    progress.tell("e1", Usage(input_tokens=10, output_tokens=1), at(1))
    ((_, first),) = progress.due(at(1.2))
    assert first.output_tokens == 1 + round(FIRST_TOKENS_PER_S * (0.2 + LOOK_S))


def test_no_more_is_written_than_a_request_may_use() -> None:
    """An answer has an end, and so has what budgets have set aside for it."""
    assert max(ledger for _, ledger in written(80.0, most=300)) == 300


def test_a_request_that_stalls_does_not_grow() -> None:
    """One that says nothing more is written once more, and then left alone."""
    progress = Progress()
    progress.begin("e1", most=None, at=OPENED)
    progress.tell("e1", Usage(input_tokens=10, output_tokens=100), at(1))
    for second in range(2, 60):
        progress.written(progress.due(at(second)))
    assert progress.due(at(60)) == []


def test_what_has_ended_is_written_as_it_is() -> None:
    """Its entry could not be closed yet: nothing is added to it, and what was ahead is taken back."""
    progress = Progress()
    progress.begin("e1", most=None, at=OPENED)
    progress.tell("e1", Usage(input_tokens=10, output_tokens=100), at(1))
    progress.written(progress.due(at(2)))
    progress.tell("e1", Usage(input_tokens=10, output_tokens=110), at(2.5), final=True)
    assert progress.due(at(3)) == [("e1", Usage(input_tokens=10, output_tokens=110))]
    progress.forget("e1")
    assert progress.due(at(4)) == []


def test_of_which_nothing_is_known_is_not_written() -> None:
    """The entry stands as it was opened."""
    progress = Progress()
    progress.begin("e1", most=100, at=OPENED)
    assert progress.due(at(3)) == []
