"""What the settings and the price catalogue say without asking anybody."""

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from bot.vocabulary import Clock, Finding, Verdict
from config import Settings, SettingsError

STALE_PRICES_DAYS: Final = 90

PRICES_PAGE: Final = "https://platform.claude.com/docs/en/about-claude/pricing"


def wrong_settings(error: SettingsError) -> list[Finding]:
    """The settings can't be used: a failure for each problem, which tells its own remedy."""
    return [
        Finding(
            check="settings",
            verdict=Verdict.FAILURE,
            said=f"{problem.where}: {problem.key}: {problem.what}",
            remedy=problem.remedy,
        )
        for problem in error.problems
    ]


async def examine_settings(settings: Settings) -> Sequence[Finding]:
    """The settings' own warnings, such as a model that retires soon; or that all is well."""
    file = settings.environment.config_file
    read = f"read from {file}" if file else "no problem found"
    fine = Finding(check="settings", verdict=Verdict.OK, said=read)
    return [_warning(text) for text in settings.warnings] or [fine]


def _warning(text: str) -> Finding:
    said, _, remedy = text.partition("; ")  # as `config.Problem` is written
    return Finding(check="settings", verdict=Verdict.WARNING, said=said, remedy=remedy)


async def examine_catalogue(settings: Settings, clock: Clock) -> Sequence[Finding]:
    """How long ago the prices were compared with the provider's page."""
    checked_on = settings.models.checked_on
    if checked_on is None:
        return [_stale("the catalogue does not say when its prices were checked")]
    age_days = (clock.now().astimezone(UTC).date() - checked_on).days
    said = f"checked on {checked_on}, {age_days} days ago"
    if age_days > STALE_PRICES_DAYS:
        return [_stale(said)]
    return [Finding(check="prices", verdict=Verdict.OK, said=said)]


def _stale(said: str) -> Finding:
    return Finding(
        check="prices",
        verdict=Verdict.WARNING,
        said=said,
        remedy=f"Compare with {PRICES_PAGE} and set checked_on in a catalogue of your own.",
    )
