"""Which platforms have their credentials, and which credentials are missing."""

from config.problems import Problem, SettingsError
from config.settings import Settings

_REMEDY = "set it in the environment or in .env"
_CLIENT = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET")


def configured_platforms(settings: Settings) -> tuple[str, ...]:
    """The platforms that have all the credentials they need."""
    return tuple(
        platform
        for platform, variables in _needs(settings).items()
        if all(_is_set(settings, name) for name in variables)
    )


def half_configured(settings: Settings) -> list[Problem]:
    """A problem for each credential that is missing beside others of the same platform."""
    problems = []
    for platform, variables in _needs(settings).items():
        missing = [name for name in variables if not _is_set(settings, name)]
        given = [name for name in _all_of(platform) if _is_set(settings, name)]
        problems += [
            Problem(
                where="environment",
                key=name,
                what=f"is missing while {given[0]} is set, so {platform} can't be started",
                remedy=_REMEDY,
            )
            for name in missing
            if given
        ]
    return problems


def require_credentials(settings: Settings) -> None:
    """Raise `SettingsError` with every credential that is missing to run live: Claude's, and the
    rest of those that a platform has only in part. No platform at all is the caller's affair."""
    problems = half_configured(settings)
    if not _is_set(settings, "ANTHROPIC_API_KEY"):
        what = "is missing, and without it Claude can't be asked"
        problems.insert(0, Problem("environment", "ANTHROPIC_API_KEY", what, _REMEDY))
    if problems:
        raise SettingsError(problems)


def _needs(settings: Settings) -> dict[str, tuple[str, ...]]:
    return {"slack": _slack_needs(settings), "discord": ("DISCORD_TOKEN",)}


def _slack_needs(settings: Settings) -> tuple[str, ...]:
    """A way in, and the bot's token or what lets workspaces install the app."""
    way_in = "SLACK_APP_TOKEN" if settings.slack.mode == "socket" else "SLACK_SIGNING_SECRET"
    if _is_set(settings, "SLACK_CLIENT_ID") or _is_set(settings, "SLACK_CLIENT_SECRET"):
        return (*_CLIENT, "PARLEY_SECRET_KEY", way_in)
    return ("SLACK_BOT_TOKEN", way_in)


def _all_of(platform: str) -> tuple[str, ...]:
    slack = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", *_CLIENT)
    return slack if platform == "slack" else ("DISCORD_TOKEN",)


def _is_set(settings: Settings, variable: str) -> bool:
    return getattr(settings.secrets, variable.lower()) is not None
