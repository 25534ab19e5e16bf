"""Whether the platforms can be reached: each knows best how to look at itself."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from bot.doctor.examination import Check
from bot.vocabulary import Finding, Verdict
from config import Settings, configured_platforms

Diagnose = Callable[[Settings], Awaitable[Sequence[Finding]]]
"""How a platform looks at itself: at its tokens, scopes and intents as these settings have them. It
changes nothing anywhere. An adapter's class may offer it as `diagnose`, beside the port."""

PLATFORM_DEADLINE_S: Final = 20.0


def platform_checks(settings: Settings, diagnoses: Mapping[str, Diagnose]) -> list[Check]:
    """A check for each configured platform that can look at itself, by the platforms' names."""
    configured = configured_platforms(settings)
    return [
        Check(platform, partial(diagnose, settings), deadline_s=PLATFORM_DEADLINE_S)
        for platform, diagnose in diagnoses.items()
        if platform in configured
    ]


async def examine_platforms(settings: Settings) -> Sequence[Finding]:
    """Which platforms `parley run` would start."""
    configured = configured_platforms(settings)
    if configured:
        said = f"{' and '.join(configured)} will be started"
        return [Finding(check="platforms", verdict=Verdict.OK, said=said)]
    return [
        Finding(
            check="platforms",
            verdict=Verdict.WARNING,
            said="no platform has its tokens, so `parley run` has nothing to start",
            remedy="Set SLACK_BOT_TOKEN and SLACK_APP_TOKEN, or DISCORD_TOKEN; "
            "`parley chat` and `parley sandbox` need none of them.",
        )
    ]
