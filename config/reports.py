"""`[[reports]]`: which cost digests are sent, when and to whom."""

import datetime as dt
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from config.keys import ChannelKey, Name
from config.sections import Section, Timezone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
LAST_DAY = 28  # the last one that every month has
DayOfMonth = Annotated[int, Field(ge=1, le=LAST_DAY)]

_WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class ReportSettings(Section):
    """A cost digest. `day` is a weekday of a weekly report, a day of the month (1 to 28, so that
    every month has it) of a monthly one, and None of a daily one."""

    name: Name
    period: Literal["day", "week", "month"] = "week"
    day: Weekday | DayOfMonth | None = None
    time: Annotated[dt.time, Field(strict=False)] = dt.time(9, 0)
    timezone: Timezone | None = None
    to: Annotated[tuple[ChannelKey, ...], Field(strict=False)] = ()
    people: bool = True

    @field_validator("day", mode="before")
    @classmethod
    def _is_some_day(cls, value: object) -> object:
        """Here, or an operator would be told once for each type that it is not."""
        day = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LAST_DAY
        if value is None or day or value in _WEEKDAYS:
            return value
        raise ValueError(
            f'is no day of a report; write day = "mon" to "sun", or day = 1 to {LAST_DAY}'
        )

    @field_validator("time")
    @classmethod
    def _is_local(cls, value: dt.time) -> dt.time:
        if value.tzinfo is not None:
            raise ValueError('carries an offset; write the local time, and the zone as "timezone"')
        return value

    @model_validator(mode="before")
    @classmethod
    def _day_follows_the_period(cls, values: object) -> object:
        """Give a weekly or monthly report without a day its first one."""
        if isinstance(values, dict) and values.get("day") is None:
            first = {"week": "mon", "month": 1}.get(values.get("period", "week"))
            return {**values, "day": first} if first else values
        return values

    @model_validator(mode="after")
    def _day_suits_the_period(self) -> "ReportSettings":
        if self.period == "week" and self.day not in _WEEKDAYS:
            raise ValueError('a weekly report needs a weekday; write day = "mon" or another')
        if self.period == "month" and not isinstance(self.day, int):
            raise ValueError("a monthly report needs a day of the month; write day = 1, up to 28")
        if self.period == "day" and self.day is not None:
            raise ValueError("a daily report has no day; remove it")
        return self

    def zone(self, operators: ZoneInfo) -> ZoneInfo:
        """The report's time zone, or the operators' where it names none."""
        return ZoneInfo(self.timezone) if self.timezone else operators


def with_weekly(reports: tuple[ReportSettings, ...]) -> tuple[ReportSettings, ...]:
    """The reports and, unless one has that name, the default one: `weekly`, sent to nobody."""
    if any(report.name == "weekly" for report in reports):
        return reports
    return (*reports, ReportSettings(name="weekly"))
