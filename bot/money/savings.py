"""What the provider's prompt cache saved: what was paid for prompts, against the same without a cache."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from itertools import pairwise

from config.catalogue import Catalogue
from config.pricing import Price, Rates
from storage.usage import ModelSum

_PICO_PER_NANO = 1_000


class Savings:
    """Reckons by the catalogue's prices at the time of the requests."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @property
    def tier_borders(self) -> Sequence[int]:
        """The prompt sizes above which some model has other prices."""
        tiers = (
            tier.above_prompt_tokens
            for model in self._catalogue
            for price in model.prices
            for tier in price.tiers
        )
        return sorted(set(tiers))

    def pieces(self, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        """[since, until) cut where some model's price changes."""
        cuts = {
            datetime.combine(day, time.min, tzinfo=UTC)
            for model in self._catalogue
            for price in model.prices
            for day in (price.valid_from, price.valid_until)
            if day is not None
        }
        edges = [since, *sorted(cut for cut in cuts if since < cut < until), until]
        return list(pairwise(edges))

    def nanousd(self, sums: Iterable[ModelSum], *, when: datetime) -> int:
        """What the cache saved in requests made about then, less what writing to it cost more; it can be
        negative. Sums are to be cut at `tier_borders`. Models without a known price count as nothing."""
        return sum(self._saved_picousd(each, when) for each in sums) // _PICO_PER_NANO

    def _saved_picousd(self, each: ModelSum, when: datetime) -> int:
        model = self._catalogue.get(each.model)
        price = model.price_at(when) if model is not None else None
        rates = None if price is None else self._rates(price, each.tier)
        if rates is None or rates.input_picousd is None:
            return 0
        usage, full = each.usage, rates.input_picousd
        return sum(
            tokens * (full - rate)
            for tokens, rate in (
                (usage.cache_read_tokens, rates.cache_read_picousd),
                (usage.cache_write_5m_tokens, rates.cache_write_5m_picousd),
                (usage.cache_write_1h_tokens, rates.cache_write_1h_picousd),
            )
            if rate is not None
        )

    def _rates(self, price: Price, tier: int) -> Rates:
        """The rates of prompts that exceed so many of the borders."""
        return price.rates_for(0 if tier == 0 else self.tier_borders[tier - 1] + 1)
