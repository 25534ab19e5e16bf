"""The bot's own page, for people who look at it rather than talk to it."""

from collections.abc import Sequence

from bot.ports import CommandOffer

GREETING = "Ask me anything, here in a message or by mentioning me in a channel."


def home_page(offers: Sequence[CommandOffer]) -> str:
    """What the bot can do, as Markdown; commands for admins are left out."""
    lines = [f"- `{offer.usage}` {offer.summary}" for offer in offers if not offer.admin]
    return "\n".join([GREETING, "", "**Commands**", "", *lines]) if lines else GREETING
