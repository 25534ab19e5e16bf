"""Identifiers tell when they were made."""

from datetime import UTC, datetime

import pytest

from bot.vocabulary import made_at, new_id


def test_an_identifier_tells_when_it_was_made() -> None:
    """To the millisecond."""
    now = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)
    assert made_at(new_id(now)) == now


@pytest.mark.parametrize("text", ["", "another", "0123456789abcdel", "0123456789abcdef0"])
def test_what_is_no_identifier_tells_nothing(text: str) -> None:
    """Neither by its length nor by its letters."""
    assert made_at(text) is None
