"""The simulated provider's own price list, kept apart from the bot's catalogue on purpose: the two
are checked against one another.

Source: the provider's pricing page of 2026-10-08 and the release notes of 2026-11-09; nothing
confirms them beyond that. One dollar per million tokens is 1,000 nano-dollars per token.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.vocabulary import Usage

WEB_SEARCH_NANOUSD = 10_000_000
"""One web search: 10 dollars a thousand."""


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per token in the five billing categories."""

    input_nanousd: int
    output_nanousd: int
    write_5m_nanousd: int
    write_1h_nanousd: int
    read_nanousd: int

    def of(self, usage: Usage) -> int:
        """What that usage costs, in nano-dollars."""
        return (
            usage.input_tokens * self.input_nanousd
            + usage.output_tokens * self.output_nanousd
            + usage.cache_write_5m_tokens * self.write_5m_nanousd
            + usage.cache_write_1h_tokens * self.write_1h_nanousd
            + usage.cache_read_tokens * self.read_nanousd
        )


def cost_nanousd(model_id: str, usage: Usage, *, batch: bool = False) -> int:
    """What a request cost; the whole request has the price of the tier its prompt falls into. In a message
    batch it is half of that, half a nano-dollar rounded up.

    Raises:
        KeyError: no such model.
    """
    price = PRICES[model_id]
    if usage.prompt_tokens > LONG_PROMPT_ABOVE_TOKENS:
        price = LONG_PROMPT_PRICES.get(model_id, price)
    whole = price.of(usage)
    return (whole + 1) // 2 if batch else whole


_OPUS_4 = Price(5_000, 25_000, 6_250, 10_000, 500)
_SONNET_4 = Price(3_000, 15_000, 3_750, 6_000, 300)

PRICES: Mapping[str, Price] = {
    "claude-fable-5-2": Price(8_000, 40_000, 10_000, 16_000, 200),
    "claude-fable-5-1": Price(10_000, 50_000, 12_500, 20_000, 250),
    "claude-haiku-5-5": Price(100, 500, 125, 200, 10),
    "claude-sonnet-5-5": Price(2_000, 10_000, 2_500, 4_000, 100),
    "claude-opus-5-5": Price(4_000, 20_000, 5_000, 8_000, 200),
    "claude-sonnet-5": Price(2_000, 10_000, 2_500, 4_000, 200),
    "claude-opus-5": Price(5_000, 25_000, 6_250, 10_000, 500),
    "claude-haiku-4-5": Price(1_000, 5_000, 1_250, 2_000, 100),
    "claude-sonnet-4-6": _SONNET_4,
    "claude-sonnet-4-5": _SONNET_4,
    "claude-opus-4-8": _OPUS_4,
    "claude-opus-4-7": _OPUS_4,
    "claude-opus-4-6": _OPUS_4,
    "claude-opus-4-5": _OPUS_4,
}

LONG_PROMPT_ABOVE_TOKENS = 100_000
LONG_PROMPT_PRICES: Mapping[str, Price] = {
    "claude-haiku-5-5": Price(500, 2_500, 625, 1_000, 50),
}
