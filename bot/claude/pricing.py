"""From tokens to nano-dollars, by the catalogue's price at the time of the request."""

from datetime import datetime

from bot.claude.prompt import CacheTtl
from bot.vocabulary import Usage
from config.catalogue import Catalogue
from config.pricing import Price

WEB_SEARCH_NANOUSD = 10_000_000
"""$10 per 1,000 searches: https://platform.claude.com/docs/en/about-claude/pricing (2026-10-08)."""


class Pricing:
    """What requests cost, and what they can cost at most."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def cost_nanousd(
        self,
        model: str,
        usage: Usage,
        *,
        when: datetime,
        web_searches: int = 0,
        batch: bool = False,
    ) -> int | None:
        """What the usage costs, in a message batch half of it; None if the model or a price that it needs
        is not known."""
        price = self._price(model, when)
        cost = price.cost_nanousd(usage, batch=batch) if price else None
        return None if cost is None else cost + web_searches * WEB_SEARCH_NANOUSD

    def worst_case_nanousd(
        self,
        model: str,
        *,
        prompt_tokens: int,
        max_output_tokens: int,
        cache_ttl: CacheTtl,
        when: datetime,
        batch: bool = False,
    ) -> int | None:
        """The most that a request of at most so many prompt tokens can cost; None if not known."""
        price = self._price(model, when)
        if price is None:
            return None
        worst = price.worst_case_nanousd(prompt_tokens, max_output_tokens, cache_ttl=cache_ttl)
        return -(-worst // 2) if batch and worst is not None else worst

    def _price(self, model: str, when: datetime) -> Price | None:
        known = self._catalogue.get(model)
        return known.price_at(when) if known else None
