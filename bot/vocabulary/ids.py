"""Identifiers: sortable by time, short enough for a platform's idempotency mark."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_CHARS = 9  # 45 bits of milliseconds: until the year 3084
_RANDOM_CHARS = 7  # 35 random bits within one millisecond
REFERENCE_CHARS = 7

RandomBits = Callable[[int], int]


def new_id(now: datetime, random_bits: RandomBits = secrets.randbits) -> str:
    """A new identifier of 16 characters (lower case, base 32); later ones sort after earlier ones."""
    milliseconds = int(now.timestamp() * 1000)
    return _encode(milliseconds, _TIME_CHARS) + _encode(random_bits(35), _RANDOM_CHARS)


def made_at(identifier: str) -> datetime | None:
    """When an identifier was made; None if it is none of ours."""
    digits = [_ALPHABET.find(character) for character in identifier]
    if len(digits) != _TIME_CHARS + _RANDOM_CHARS or -1 in digits:
        return None
    milliseconds = 0
    for digit in digits[:_TIME_CHARS]:
        milliseconds = milliseconds * 32 + digit
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def reference_of(identifier: str) -> str:
    """The short form that a person may be told and can quote, and that logs carry as `reference`."""
    return identifier[-REFERENCE_CHARS:].upper()


def _encode(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
