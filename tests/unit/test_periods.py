"""Periods and schedules: days, weeks and months on real calendars, changed clocks included."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money.periods import Kind, around, before, in_words, named, written
from bot.reports.schedule import ReportSchedule
from config.reports import ReportSettings

OSLO = ZoneInfo("Europe/Oslo")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
BEIRUT = ZoneInfo("Asia/Beirut")
KINDS: tuple[Kind, ...] = ("day", "week", "month")


def utc(text: str) -> datetime:
    """An instant, written without its zone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "name", "since", "until"),
    [
        ("day", "2026-11-23", "2026-11-22 23:00", "2026-11-23 23:00"),
        ("week", "2026-W48", "2026-11-22 23:00", "2026-11-29 23:00"),
        ("month", "2026-11", "2026-10-31 23:00", "2026-11-30 23:00"),
    ],
)
def test_a_period_is_the_zones(kind: Kind, name: str, since: str, until: str) -> None:
    """It begins and ends at midnight there, and is found again by its name."""
    period = around(date(2026, 11, 23), kind, OSLO)
    assert (period.name, period.since, period.until) == (name, utc(since), utc(until))
    assert named(name, kind, OSLO) == period


def test_a_day_on_which_clocks_change_has_23_or_25_hours() -> None:
    """And a week with such a day an hour less or more."""
    spring, autumn = around(date(2026, 3, 29), "day", OSLO), around(date(2026, 10, 25), "day", OSLO)
    assert spring.until - spring.since == timedelta(hours=23)
    assert autumn.until - autumn.since == timedelta(hours=25)
    assert len(around(date(2026, 10, 25), "week", OSLO).days) == 7


def test_a_midnight_that_is_left_out() -> None:
    """Where clocks go forward at midnight the day begins an hour later, and the one before ends then."""
    day = around(date(2026, 3, 29), "day", BEIRUT)
    assert day.since == before(day, "day").until


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from(KINDS))
def test_periods_follow_one_another(day: date, kind: Kind) -> None:
    """Each is where the one before it ends, holds the day it was made from, and is found by its name."""
    period = around(day, kind, KATHMANDU)
    assert period.first <= day < period.after
    assert before(period, kind).until == period.since
    assert named(period.name, kind, KATHMANDU) == period
    assert period.days[0] == period.first


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("today", "2026-11-24", "2026-11-25"),
        ("week", "2026-11-23", "2026-11-30"),
        ("Month", "2026-11-01", "2026-12-01"),
        ("2026-11-05", "2026-11-05", "2026-11-06"),
        ("2026-w47", "2026-11-16", "2026-11-23"),
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("2026-11-01..2026-11-15", "2026-11-01", "2026-11-16"),
    ],
)
def test_what_people_write(text: str, first: str, after: str) -> None:
    """Words, days, weeks, months and ranges; today is that of the zone, where it is tomorrow already."""
    period = written(text, utc("2026-11-23 23:30"), OSLO)
    assert (period.first.isoformat(), period.after.isoformat()) == (first, after)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13", "2026-W54", "2026-11-31", "2026-11-15..2026-11-01", "..", "1"]
)
def test_what_can_not_be_understood(text: str) -> None:
    """It is told with what can be written."""
    with pytest.raises(ValueError, match=r"is not a period; write today, week, month, 2026-11-23"):
        written(text, utc("2026-11-23 12:00"), OSLO)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-23", "23 November 2026"),
        ("2026-W47", "16\N{EN DASH}22 November 2026"),
        ("2026-W49", "30 November \N{EN DASH} 6 December 2026"),
        ("2026-W53", "28 December 2026 \N{EN DASH} 3 January 2027"),
    ],
)
def test_days_in_words(text: str, words: str) -> None:
    """No more than is needed to know which."""
    assert in_words(written(text, utc("2026-11-23 12:00"), OSLO)) == words


def schedule(**settings: object) -> ReportSchedule:
    """That of a report with these settings."""
    report = ReportSettings.model_validate({"name": "r", **settings})
    return ReportSchedule(report, operators=ZoneInfo("UTC"))


def test_a_week_begins_on_monday_and_is_told_of_on_the_named_day() -> None:
    """`mon` is Monday, not the day after: the week that ended the day before, or before that."""
    monday = schedule(day="mon", time=time(9, 0))
    assert monday.next_due(utc("2026-11-18 12:00")) == utc("2026-11-23 09:00")
    assert monday.period_of(utc("2026-11-23 09:00")).name == "2026-W47"
    friday = schedule(day="fri", time=time(16, 30), timezone="Europe/Oslo")
    assert friday.next_due(utc("2026-11-18 12:00")) == utc("2026-11-20 15:30")
    assert friday.period_of(utc("2026-11-20 15:30")).name == "2026-W46"


def test_daily_and_monthly_reports() -> None:
    """Of yesterday, and of last month."""
    daily = schedule(period="day", time=time(0, 0), timezone="Europe/Oslo")
    assert daily.next_due(utc("2026-11-23 12:00")) == utc("2026-11-23 23:00")
    assert daily.period_of(utc("2026-11-23 23:00")).name == "2026-11-23"
    monthly = schedule(period="month", day=28)
    assert monthly.next_due(utc("2026-02-28 09:00")) == utc("2026-02-28 09:00")
    assert monthly.period_of(utc("2026-02-28 09:00")).name == "2026-01"


def test_a_time_that_comes_twice_or_never() -> None:
    """A report at half past two is due once on either day on which the clocks change."""
    nightly = schedule(period="day", time=time(2, 30), timezone="Europe/Oslo")
    spring = [utc("2026-03-28 01:30"), utc("2026-03-29 01:30"), utc("2026-03-30 00:30")]
    autumn = [utc("2026-10-24 00:30"), utc("2026-10-25 00:30"), utc("2026-10-26 01:30")]
    for expected in (spring, autumn):
        found: list[datetime] = []
        now = expected[0] - timedelta(hours=1)
        while len(found) < len(expected):
            found.append(nightly.next_due(now))
            now = found[-1] + timedelta(microseconds=1)
        assert found == expected


@given(
    st.integers(0, 366 * 86_400).map(lambda s: utc("2026-01-01 00:00") + timedelta(seconds=s)),
    st.sampled_from(
        [
            {"period": "day", "time": time(2, 30)},
            {"period": "week", "day": "sun", "time": time(23, 59)},
            {"period": "month", "day": 28, "time": time(0, 0)},
        ]
    ),
)
def test_the_last_run_is_the_one_before_the_next(now: datetime, times: dict[str, object]) -> None:
    """Nothing is due between the last run and now, and its period is over."""
    found = schedule(timezone="Europe/Oslo", **times)
    last = found.last_due(now)
    assert last <= now < found.next_due(last + timedelta(microseconds=1))
    assert found.period_of(last).is_over(now)


def test_a_report_whose_times_change_is_another() -> None:
    """What is remembered of it is of its times, its zone and its destination."""
    keys = {
        schedule(**each).key(target)
        for each in ({}, {"time": time(10, 0)}, {"day": "tue"}, {"timezone": "Europe/Oslo"})
        for target in ("slack:C1", "slack:C2")
    }
    assert len(keys) == 8
