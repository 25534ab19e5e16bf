"""Days, weeks and months on the calendar of a time zone, and their names: `2026-W47`, `2026-11`."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["day", "week", "month"]

WRITTEN = "today, week, month, 2026-11-23, 2026-W47, 2026-11 or 2026-11-01..2026-11-15"
"""What people may write."""

_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to before `after`, in a time zone. `name` says which period it is."""

    name: str
    first: date
    after: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """Its first instant, UTC."""
        return midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The first instant after it, UTC."""
        return midnight(self.after, self.zone)

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.first + timedelta(days=n) for n in range((self.after - self.first).days)]

    def is_over(self, now: datetime) -> bool:
        """Nothing more can happen in it."""
        return now >= self.until


def around(day: date, kind: Kind, zone: ZoneInfo) -> Period:
    """The day, the week (from Monday) or the month that a day is in."""
    first, after = period_of(day, kind)
    match kind:
        case "day":
            name = first.isoformat()
        case "week":
            name = f"{first.isocalendar().year}-W{first.isocalendar().week:02d}"
        case "month":
            name = f"{first:%Y-%m}"
    return Period(name, first, after, zone)


def before(period: Period, kind: Kind) -> Period:
    """The period of the same kind before it."""
    return around(period.first - timedelta(days=1), kind, period.zone)


def named(text: str, kind: Kind, zone: ZoneInfo) -> Period:
    """The period of a kind by its name. Raises `ValueError`, which says how it is written."""
    example = {"day": "2026-11-23", "week": "2026-W47", "month": "2026-11"}[kind]
    try:
        found = _by_name(text.strip())
    except ValueError:
        found = None
    if found is None or found[1] != kind:
        raise ValueError(f"{text!r} is not a {kind}; write it as {example}")
    return around(found[0], kind, zone)


def written(text: str, now: datetime, zone: ZoneInfo) -> Period:
    """The period that a person wrote; see `WRITTEN`. Raises `ValueError`, which says what can be."""
    said = text.strip().lower()
    today = now.astimezone(zone).date()
    if said in ("today", "day"):
        return around(today, "day", zone)
    if said in ("week", "month"):
        return around(today, "week" if said == "week" else "month", zone)
    try:
        if ".." in said:
            return _days(said, zone)
        found = _by_name(said.upper())
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"{text.strip()!r} is not a period; write {WRITTEN}")
    return around(*found, zone)


def period_of(day: date, kind: str) -> tuple[date, date]:
    """The first day of the `day`, `week` or `month` around a day, and the first day after it."""
    match kind:
        case "day":
            return day, day + timedelta(days=1)
        case "week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        case "month":
            first = day.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1)
        case _:
            raise ValueError(f"{kind!r} is not a period; use day, week or month")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in a zone, UTC. Where clocks skip that moment, it is when they go on."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def in_words(period: Period) -> str:
    """Its days as people write them: `23 November 2026`."""
    first, last = period.first, period.after - timedelta(days=1)
    if first == last:
        return f"{first.day} {first:%B %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}\N{EN DASH}{last.day} {last:%B %Y}"
    if first.year == last.year:
        return f"{first.day} {first:%B} \N{EN DASH} {last.day} {last:%B %Y}"
    return f"{first.day} {first:%B %Y} \N{EN DASH} {last.day} {last:%B %Y}"


def moment_in_words(when: datetime, zone: ZoneInfo) -> str:
    """`Monday, 23 November, at 09:00`, on the clocks of a zone."""
    local = when.astimezone(zone)
    return f"{local:%A}, {local.day} {local:%B}, at {local:%H:%M}"


def _by_name(text: str) -> tuple[date, Kind] | None:
    """A day of the period with this name, and its kind. Raises `ValueError` for an impossible one."""
    if found := _WEEK.fullmatch(text):
        return date.fromisocalendar(int(found[1]), int(found[2]), 1), "week"
    if found := _MONTH.fullmatch(text):
        return date(int(found[1]), int(found[2]), 1), "month"
    return date.fromisoformat(text), "day"


def _days(text: str, zone: ZoneInfo) -> Period:
    first, _, last = (part.strip() for part in text.partition(".."))
    since, until = date.fromisoformat(first), date.fromisoformat(last)
    if until < since:
        raise ValueError("it ends before it begins")
    return Period(f"{since}..{until}", since, until + timedelta(days=1), zone)
