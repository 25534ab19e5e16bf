"""What requests cost, by the shipped catalogue."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.pricing import Pricing
from bot.vocabulary import Usage
from config.catalogue import Catalogue

PRICING = Pricing(Catalogue.shipped())
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_the_price_is_that_of_the_day() -> None:
    """Sonnet 5.5's cache reads were halved on 2026-10-07."""
    usage = Usage(cache_read_tokens=1000)
    before = datetime(2026, 10, 6, tzinfo=UTC)
    assert PRICING.cost_nanousd("claude-sonnet-5-5", usage, when=before) == 200_000
    assert PRICING.cost_nanousd("claude-sonnet-5-5", usage, when=NOW) == 100_000


def test_web_searches_cost_a_cent() -> None:
    """$10 per thousand, beside the tokens."""
    usage = Usage(output_tokens=1)
    model = "claude-sonnet-5-5"
    plain = PRICING.cost_nanousd(model, usage, when=NOW)
    searched = PRICING.cost_nanousd(model, usage, when=NOW, web_searches=2)
    assert plain is not None
    assert searched == plain + 20_000_000


def test_an_unknown_model_has_an_unknown_cost() -> None:
    """Unknown is not zero."""
    assert PRICING.cost_nanousd("claude-of-tomorrow", Usage(output_tokens=1), when=NOW) is None
    assert (
        PRICING.worst_case_nanousd(
            "claude-of-tomorrow", prompt_tokens=1, max_output_tokens=1, cache_ttl="5m", when=NOW
        )
        is None
    )


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-haiku-5-5"])
@given(
    prompt=st.integers(0, 200_000),
    shares=st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9)),
    output=st.integers(0, 4096),
)
def test_no_request_costs_more_than_its_worst_case(
    model: str, prompt: int, shares: tuple[int, int, int], output: int
) -> None:
    """Wherever its prompt comes from, the cache included, and whatever it has the model say."""
    read, written = prompt * shares[0] // 27, prompt * shares[1] // 27
    usage = Usage(
        input_tokens=prompt - read - written,
        cache_read_tokens=read,
        cache_write_5m_tokens=written,
        output_tokens=output,
    )
    worst = PRICING.worst_case_nanousd(
        model, prompt_tokens=prompt, max_output_tokens=4096, cache_ttl="5m", when=NOW
    )
    cost = PRICING.cost_nanousd(model, usage, when=NOW)
    assert worst is not None
    assert cost is not None
    assert cost <= worst
