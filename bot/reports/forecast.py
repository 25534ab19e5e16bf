"""What a month will have cost at its end, if the days to come are as such days were."""

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import fmean

WEEKS_LOOKED_AT = 4
"""A weekday to come is taken for the mean of the last four: long enough to even out, short enough to
follow a team that grows."""


def forecast_nanousd(
    *, spent_nanousd: int, last_day: date, month_after: date, known_days: Mapping[date, int]
) -> int:
    """The month's cost: what was spent up to the end of `last_day`, and for each day from then to before
    `month_after` the mean of that weekday in the weeks before, as far as `known_days` has them."""
    to_come = (month_after - last_day).days - 1
    days = (last_day + timedelta(days=n + 1) for n in range(to_come))
    return spent_nanousd + sum(_usual_nanousd(day, last_day, known_days) for day in days)


def _usual_nanousd(day: date, last_day: date, known_days: Mapping[date, int]) -> int:
    since = last_day - timedelta(weeks=WEEKS_LOOKED_AT)
    recent = {each: cost for each, cost in known_days.items() if since < each <= last_day}
    alike = [cost for each, cost in recent.items() if each.weekday() == day.weekday()]
    costs = alike or list(recent.values())
    return round(fmean(costs)) if costs else 0
