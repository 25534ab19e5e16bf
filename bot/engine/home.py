"""The bot's own page, for people who look at it rather than talk to it."""

from collections.abc import Sequence

from bot.money.amounts import readable, spent
from bot.money.periods import Period
from bot.money.used import Used
from bot.ports import CommandOffer

GREETING = "Ask me anything, here in a message or by mentioning me in a channel."


def home_page(offers: Sequence[CommandOffer], *, month: Period, used: Used | None) -> str:
    """What the person used this month, if that is known, and what the bot can do, as Markdown; commands
    for admins are left out."""
    lines = [f"- `{offer.usage}` {offer.summary}" for offer in offers if not offer.admin]
    commands = ["**Commands**", "", *lines] if lines else []
    own = [_own_usage(month, used), ""] if used is not None else []
    return "\n".join([GREETING, "", *own, *commands]).rstrip()


def _own_usage(month: Period, used: Used) -> str:
    answers = "1 answer" if used.turns == 1 else f"{used.turns:,} answers"
    cost = spent(used.cost_nanousd, used.unknown_cost_requests)
    saved = (
        f" The prompt cache saved {readable(used.saved_nanousd)}." if used.saved_nanousd > 0 else ""
    )
    return f"**You in {month.first:%B}**: {answers}, {cost}.{saved}"
