"""What a request costs: exact integer arithmetic, tiers, and prices that are not known."""

from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Literal, Protocol

CacheTtl = Literal["5m", "1h"]

_PICO_PER_NANO = 1_000


class TokenCounts(Protocol):
    """Tokens of one request in the provider's five billing categories."""

    @property
    def input_tokens(self) -> int:
        """The uncached part of the prompt."""

    @property
    def output_tokens(self) -> int:
        """What the model wrote, its thinking included."""

    @property
    def cache_read_tokens(self) -> int:
        """The part of the prompt that was read from the cache."""

    @property
    def cache_write_5m_tokens(self) -> int:
        """The part of the prompt that was written to the cache for five minutes."""

    @property
    def cache_write_1h_tokens(self) -> int:
        """The part of the prompt that was written to the cache for an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Prices per token in pico-dollars, which are also micro-dollars per million tokens.

    None means that the price is not known. Pico-dollars keep six decimals of the published price.
    """

    input_picousd: int | None = None
    output_picousd: int | None = None
    cache_read_picousd: int | None = None
    cache_write_5m_picousd: int | None = None
    cache_write_1h_picousd: int | None = None

    def cost_picousd(self, usage: TokenCounts) -> int | None:
        """The sum over the five categories; None if one that was used has no known price."""
        parts = (
            (usage.input_tokens, self.input_picousd),
            (usage.output_tokens, self.output_picousd),
            (usage.cache_read_tokens, self.cache_read_picousd),
            (usage.cache_write_5m_tokens, self.cache_write_5m_picousd),
            (usage.cache_write_1h_tokens, self.cache_write_1h_picousd),
        )
        total = 0
        for tokens, rate_picousd in parts:
            if tokens and rate_picousd is None:
                return None
            total += tokens * (rate_picousd or 0)
        return total

    def dearest_prompt_picousd(self, cache_ttl: CacheTtl | None) -> int | None:
        """The highest price that a prompt token can have when the cache is written for `cache_ttl`
        (None: for either time); None if a price that could apply is not known."""
        candidates = [self.input_picousd]
        if cache_ttl != "1h":
            candidates.append(self.cache_write_5m_picousd)
        if cache_ttl != "5m":
            candidates.append(self.cache_write_1h_picousd)
        known = [rate for rate in candidates if rate is not None]
        return max(known) if len(known) == len(candidates) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The rates of a request whose whole prompt has more than `above_prompt_tokens` tokens."""

    above_prompt_tokens: int
    rates: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A model's price while it holds: from `valid_from` (included) until `valid_until` (excluded),
    midnight UTC both; None leaves that end open. `tiers` ascend and add to the `base` rates."""

    base: Rates
    tiers: tuple[Tier, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None

    def rates_for(self, prompt_tokens: int) -> Rates:
        """The rates of a request, chosen by its whole prompt: uncached, read and written tokens."""
        rates = self.base
        for tier in self.tiers:
            if prompt_tokens > tier.above_prompt_tokens:
                rates = tier.rates
        return rates

    def cost_nanousd(self, usage: TokenCounts, *, batch: bool = False) -> int | None:
        """What the request costs in nano-dollars; None if a category it used has no known price.

        A batch costs half. A fraction of a nano-dollar is rounded once, at the end, half up.
        """
        prompt_tokens = (
            usage.input_tokens
            + usage.cache_read_tokens
            + usage.cache_write_5m_tokens
            + usage.cache_write_1h_tokens
        )
        picousd = self.rates_for(prompt_tokens).cost_picousd(usage)
        if picousd is None:
            return None
        return _rounded_half_up(picousd, _PICO_PER_NANO * (2 if batch else 1))

    def worst_case_nanousd(
        self, prompt_tokens: int, max_output_tokens: int, *, cache_ttl: CacheTtl | None = None
    ) -> int | None:
        """The most that a request of at most this size can cost, in nano-dollars, rounded up.

        Every prompt token counts as the dearest thing it can be, in the dearest tier within reach.
        `cache_ttl` is the lifetime that the request asks for; None allows for either. The answer is
        None if a price that could apply is not known.
        """
        within_reach = (t.rates for t in self.tiers if prompt_tokens > t.above_prompt_tokens)
        worst = 0
        for rates in chain((self.base,), within_reach):
            prompt_picousd = rates.dearest_prompt_picousd(cache_ttl)
            if prompt_picousd is None or rates.output_picousd is None:
                return None
            worst = max(
                worst, prompt_tokens * prompt_picousd + max_output_tokens * rates.output_picousd
            )
        return -(-worst // _PICO_PER_NANO)


def _rounded_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
