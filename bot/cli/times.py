"""Times as they are written on the command line."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click


def instant(text: str | None, option: str, zone: ZoneInfo) -> datetime | None:
    """The time that an option names, UTC; without an offset it is in the zone. None stays None."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        problem = f"{text!r} is not a time; write it as 2026-11-01 or 2026-11-01T09:00+01:00"
        raise click.BadParameter(problem, param_hint=option) from None
