"""Settings of one workspace or channel, and what results from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import Field

from config.sections import ClaudeSettings, LimitsSettings, Section, ThreadsSettings

PROCESS_WIDE = frozenset({"max_concurrency"})
"""Keys of `claude` that hold for the whole process and so can't be overridden."""

_AnySection = TypeVar("_AnySection", bound=Section)


class Overrides(Section):
    """What differs in one workspace or channel; a key that is not given is inherited."""

    claude: ClaudeSettings | None = None
    limits: LimitsSettings | None = None
    threads: ThreadsSettings | None = None
    plugins: dict[str, bool] = Field({})
    """Plugins that are switched on or off here, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """The settings in force in one channel."""

    claude: ClaudeSettings
    limits: LimitsSettings
    threads: ThreadsSettings
    plugins: Mapping[str, bool]
    """Plugins that are switched on or off here; the others are on if they are on at all."""

    def overridden_by(self, overrides: Iterable[Overrides | None]) -> "ChannelSettings":
        """These settings with the overrides applied, the later ones over the earlier ones."""
        effective = self
        for override in overrides:
            if override is not None:
                effective = ChannelSettings(
                    claude=_merged(effective.claude, override.claude),
                    limits=_merged(effective.limits, override.limits),
                    threads=_merged(effective.threads, override.threads),
                    plugins={**effective.plugins, **override.plugins},
                )
        return effective


def channel_overrides(
    channels: Mapping[str, Overrides], channel_key: str
) -> tuple[Overrides | None, Overrides | None]:
    """What is given for the channel as `platform:channel`, and then, stronger, as
    `platform:workspace:channel`."""
    platform, _, rest = channel_key.partition(":")
    short = f"{platform}:{rest.rpartition(':')[2]}"
    return (channels.get(short) if short != channel_key else None, channels.get(channel_key))


def _merged(base: _AnySection, override: _AnySection | None) -> _AnySection:
    if override is None:
        return base
    given = {name: getattr(override, name) for name in override.model_fields_set}
    return base.model_copy(update=given)
