"""crontab(5) expressions as triggers.

APScheduler numbers the days of a week from Monday, and crontab from Sunday: numbers are made names here.
"""

from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from bot.plugins import PluginError

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = 5


def trigger_of(cron: str, zone: ZoneInfo) -> CronTrigger:
    """The trigger for an expression of five fields: minute, hour, day, month, day of the week.

    Raises:
        PluginError: it can't be understood.
    """
    fields = cron.split()
    if len(fields) != FIELDS:
        raise PluginError(
            f'"{cron}" is no time for a job: five fields are needed (minute, hour, day of the month, '
            'month, day of the week), such as "0 8 * * mon-fri"'
        )
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise PluginError(
            f'"{cron}": give a day of the month or days of the week, not both; what both mean together '
            "differs from one cron to the next"
        )
    try:
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=_named(weekday.lower()),
            timezone=zone,
        )
    except ValueError as error:
        raise PluginError(f'"{cron}" is no time for a job: {error}') from error


def _named(weekday: str) -> str:
    """The days as APScheduler's names, every one of them."""
    if weekday == "*":
        return weekday
    days: list[str] = []
    for part in weekday.split(","):
        span, _, step = part.partition("/")
        days += _days_of(span)[:: int(step) if step else 1]
    return ",".join(dict.fromkeys(days))


def _days_of(span: str) -> list[str]:
    if span == "*":
        return [*DAYS]
    first, _, last = span.partition("-")
    start = _number(first)
    count = (_number(last) - start) % len(DAYS) + 1 if last else 1
    return [DAYS[(start + offset) % len(DAYS)] for offset in range(count)]


def _number(day: str) -> int:
    if day.isdigit() and int(day) <= len(DAYS):
        return int(day) % len(DAYS)
    if day in DAYS:
        return DAYS.index(day)
    raise ValueError(f'there is no day "{day}"')
