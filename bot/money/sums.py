"""Sums of the ledger as pages and scripts read them."""

from bot.money.amounts import dollars
from storage.usage_sums import UsageSum


def fields_of(each: UsageSum) -> dict[str, object]:
    """A sum's fields; costs are exact, as text, and what is not known is counted apart."""
    return {
        "cost_usd": dollars(each.cost_nanousd),
        "requests": each.requests,
        "input_tokens": each.usage.input_tokens,
        "output_tokens": each.usage.output_tokens,
        "cache_read_tokens": each.usage.cache_read_tokens,
        "cache_write_tokens": each.usage.cache_write_tokens,
        "unknown_cost_requests": each.unknown_cost_requests,
    }
