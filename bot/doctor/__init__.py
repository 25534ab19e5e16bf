"""The doctor: looks at everything the service stands on and names a remedy for each failure."""

from bot.doctor.claude import ClaudeExamination
from bot.doctor.database import examine_database
from bot.doctor.examination import Check, examine
from bot.doctor.machine import examine_disk, examine_http_port, examine_time_zone
from bot.doctor.platforms import Diagnosable, MakeAdapter, examine_platforms, platform_checks
from bot.doctor.settings import examine_catalogue, examine_settings, wrong_settings
from bot.vocabulary import Clock
from config import Settings

__all__ = ["Check", "Diagnosable", "checks_of", "examine", "wrong_settings"]


def checks_of(*, settings: Settings, clock: Clock, make_adapter: MakeAdapter) -> list[Check]:
    """Every check there is for these settings, in the order in which their findings are read.

    `make_adapter` is asked for each platform whose tokens are there.
    """
    return [
        Check("settings", lambda: examine_settings(settings)),
        Check("prices", lambda: examine_catalogue(settings, clock)),
        Check("Claude", ClaudeExamination(settings=settings, clock=clock).examine, deadline_s=20),
        Check("database", lambda: examine_database(settings, clock), deadline_s=20),
        Check("platforms", lambda: examine_platforms(settings)),
        *platform_checks(settings, make_adapter),
        Check("HTTP port", lambda: examine_http_port(settings)),
        Check("disk", lambda: examine_disk(settings)),
        Check("time zone", lambda: examine_time_zone(settings, clock)),
    ]
