"""Amounts of money as people and scripts read them; inside they are whole nano-dollars."""

from decimal import Decimal, InvalidOperation

from bot.vocabulary import NANO_PER_DOLLAR

NANO_PER_CENT = NANO_PER_DOLLAR // 100


def dollars(nanousd: int) -> str:
    """An amount in dollars, exactly: nine decimals."""
    sign, amount = _divided(nanousd)
    whole, fraction = divmod(amount, NANO_PER_DOLLAR)
    return f"{sign}{whole}.{fraction:09d}"


def to_the_cent(nanousd: int) -> str:
    """`$1,234.57`, rounded half up."""
    sign, amount = _divided(nanousd)
    cents = (2 * amount + NANO_PER_CENT) // (2 * NANO_PER_CENT)
    return f"{sign}${cents // 100:,}.{cents % 100:02d}"


def readable(nanousd: int) -> str:
    """To the cent, or to four decimals where cents would say little: `$0.0042`."""
    if nanousd == 0 or abs(nanousd) >= NANO_PER_DOLLAR:
        return to_the_cent(nanousd)
    sign, amount = _divided(nanousd)
    parts = (amount + 50_000) // 100_000
    return f"{sign}${parts // 10_000}.{parts % 10_000:04d}" if parts else f"{sign}<$0.0001"


def spent(nanousd: int, unknown_cost_requests: int) -> str:
    """What is known to be owed, and for how many requests that is not known."""
    if not unknown_cost_requests:
        return readable(nanousd)
    requests = "1 request" if unknown_cost_requests == 1 else f"{unknown_cost_requests:,} requests"
    unknown = f"{requests} of unknown cost"
    return f"{readable(nanousd)} and {unknown}" if nanousd else unknown


def nanousd_of(text: str) -> int:
    """The inverse of `dollars`, for what people write: `5`, `$2.50`. Raises `ValueError`."""
    try:
        amount = Decimal(text.strip().removeprefix("$")) * NANO_PER_DOLLAR
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount; write dollars, such as 2.50") from None
    if not amount.is_finite() or amount != int(amount) or abs(amount) >= 2**62:
        raise ValueError(f"{text!r} is not an amount in dollars with at most nine decimals")
    return int(amount)


def _divided(nanousd: int) -> tuple[str, int]:
    """Its sign, if that is a minus, and its size."""
    return ("-", -nanousd) if nanousd < 0 else ("", nanousd)
