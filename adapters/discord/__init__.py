"""Discord: the gateway brings events in, replies leave by REST."""

from adapters.discord.adapter import DiscordAdapter

__all__ = ["DiscordAdapter"]
