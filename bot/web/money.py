"""Amounts as pages get them: exact, as text."""

from bot.money.amounts import dollars

Json = dict[str, object]


def usd(nanousd: int | None) -> str | None:
    """Nano-dollars as dollars with nine decimals; None where the cost is not known."""
    return None if nanousd is None else dollars(nanousd)
