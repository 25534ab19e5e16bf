"""Times of day in a time zone, on the days when its clocks are changed too."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest

from bot.wall_clock import WallClockTimes

JUST_AFTER = timedelta(microseconds=1)


def times(zone: str, start: datetime, **fields: int | str) -> Iterator[datetime]:
    """The times from `start` on, as whoever waits for one after the other gets to know them."""
    expression = WallClockTimes(ZoneInfo(zone), **fields)
    while (due_at := expression.get_next_fire_time(None, start)) is not None:
        yield due_at
        start = due_at + JUST_AFTER


def shown(zone: str, due_at: datetime) -> str:
    """What clocks in the zone show then."""
    return due_at.astimezone(ZoneInfo(zone)).strftime("%a %d %H:%M")


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe"],
)
@pytest.mark.parametrize("hour", [0, 1, 2, 3])
def test_every_day_of_the_year_has_its_time(zone: str, hour: int) -> None:
    """A daily job runs on each date exactly once, also where clocks are changed at just that time."""
    start = datetime(2026, 9, 1, tzinfo=ZoneInfo(zone))
    end = start + timedelta(days=365)
    due = list(takewhile(lambda at: at < end, times(zone, start, hour=hour, minute=20)))
    dates = [at.astimezone(ZoneInfo(zone)).date() for at in due]
    assert dates == [date(2026, 9, 1) + timedelta(days=day) for day in range(365)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_time_only_goes_forward(zone: str) -> None:
    """No time is named twice, nor one that has passed, through a year of half-hours."""
    start = datetime(2026, 9, 1, tzinfo=UTC)
    end = start + timedelta(days=365)
    due = list(takewhile(lambda at: at < end, times(zone, start, hour="0-3", minute="*/30")))
    assert len(due) > 2_800
    assert all(earlier < later for earlier, later in pairwise(due))


def test_a_time_that_comes_twice_is_meant_once() -> None:
    """At 03:00 in Berlin clocks go back to 02:00: what is due at 02:20 is due the first time."""
    found = times("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC), hour=2, minute=20)
    assert next(found) == datetime(2026, 10, 25, 0, 20, tzinfo=UTC)
    assert shown("Europe/Berlin", next(found)) == "Mon 26 02:20"


def test_whoever_starts_in_the_second_hour_waits_for_the_next_day() -> None:
    """At the second 02:10 the 02:20 of that day has been."""
    found = times("Europe/Berlin", datetime(2026, 10, 25, 1, 10, tzinfo=UTC), hour=2, minute=20)
    assert shown("Europe/Berlin", next(found)) == "Mon 26 02:20"


def test_a_time_that_is_left_out_comes_all_the_same() -> None:
    """At 02:00 in Berlin clocks go forward to 03:00: what is due at 02:20 is due at 03:20."""
    found = times("Europe/Berlin", datetime(2027, 3, 28, tzinfo=UTC), hour=2, minute=20)
    assert shown("Europe/Berlin", next(found)) == "Sun 28 03:20"
    assert shown("Europe/Berlin", next(found)) == "Mon 29 02:20"


def test_a_weekly_time_survives_the_change_on_its_eve() -> None:
    """Early on the Monday after the change a weekly job is due as on every other."""
    start = datetime(2027, 3, 23, tzinfo=UTC)
    found = times("Europe/Berlin", start, day_of_week="mon", hour=0, minute=5)
    assert [shown("Europe/Berlin", next(found)) for _ in range(2)] == [
        "Mon 29 00:05",
        "Mon 05 00:05",
    ]


def test_a_date_that_never_comes_has_no_time() -> None:
    """An expression that names no future time says so instead of searching for ever."""
    assert list(times("UTC", datetime(2026, 11, 23, tzinfo=UTC), year=2025)) == []
