"""Time zones by name."""

from zoneinfo import ZoneInfo, available_timezones

from config.phrases import shown
from config.problems import did_you_mean


def known_timezone(name: str) -> str:
    """The name, if this machine knows such a time zone; otherwise `ValueError` with a remedy."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder, or not a name at all
        raise _unknown(name) from None
    return name


def _unknown(name: str) -> ValueError:
    remedy = did_you_mean(name, available_timezones(), otherwise='name one such as "Europe/Berlin"')
    return ValueError(f"{shown(name)} is not a known time zone; {remedy}")
