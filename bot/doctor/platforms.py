"""Whether the platforms can be reached: each knows best how to look at itself."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol, runtime_checkable

from bot.doctor.examination import Check
from bot.ports import Adapter, PlatformError
from bot.vocabulary import Finding, Verdict
from config import Settings, configured_platforms

MakeAdapter = Callable[[str], Adapter]
"""Makes the adapter of that name. Raises `KeyError` if none is installed, `PlatformError` if it can't
be made from the settings."""

PLATFORM_DEADLINE_S: Final = 20.0


@runtime_checkable
class Diagnosable(Protocol):
    """An adapter that can look at itself: its tokens, scopes and intents."""

    async def diagnose(self) -> Sequence[Finding]:
        """What it found; changes nothing anywhere. Asked of an adapter that is not running."""


def platform_checks(settings: Settings, make_adapter: MakeAdapter) -> list[Check]:
    """A check for each platform whose tokens are there."""
    return [
        Check(name, partial(_examine, name, make_adapter), deadline_s=PLATFORM_DEADLINE_S)
        for name in configured_platforms(settings)
    ]


async def _examine(name: str, make_adapter: MakeAdapter) -> Sequence[Finding]:
    try:
        adapter = make_adapter(name)
    except KeyError:
        return [
            Finding(
                check=name,
                verdict=Verdict.FAILURE,
                said="its tokens are set, but no adapter for it is installed",
                remedy="Install the adapter, or unset the tokens.",
            )
        ]
    except PlatformError as error:
        remedy = "Correct its settings; `parley config show` tells where each comes from."
        return [Finding(check=name, verdict=Verdict.FAILURE, said=str(error), remedy=remedy)]
    if isinstance(adapter, Diagnosable):
        return await adapter.diagnose()
    return [Finding(check=name, verdict=Verdict.OK, said="its tokens are set")]


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
