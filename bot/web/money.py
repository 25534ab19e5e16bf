"""Amounts and sums as pages get them: exact, as text."""

from bot.money.amounts import dollars
from storage.ledger import UsageSum

Json = dict[str, object]


def usd(nanousd: int | None) -> str | None:
    """Nano-dollars as dollars with nine decimals; None where the cost is not known."""
    return None if nanousd is None else dollars(nanousd)


def sums(each: UsageSum) -> Json:
    """A sum of the ledger's."""
    return {
        "cost_usd": usd(each.cost_nanousd),
        "requests": each.requests,
        "input_tokens": each.usage.input_tokens,
        "output_tokens": each.usage.output_tokens,
        "cache_read_tokens": each.usage.cache_read_tokens,
        "cache_write_tokens": each.usage.cache_write_tokens,
        "unknown_cost_requests": each.unknown_cost_requests,
    }
