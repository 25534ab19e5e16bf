"""Discord: the gateway brings events in, replies leave by REST."""

import warnings

with warnings.catch_warnings():
    # The SDK imports `audioop` for voices, which Python warns about; nothing here has a voice.
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import discord as _sdk  # noqa: F401 - first of all, so that it is imported quietly

from adapters.discord.adapter import DiscordAdapter

__all__ = ["DiscordAdapter"]
