"""What requests cost."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.vocabulary import Usage
from config import Catalogue, Model, Price, Rates
from config.pricing import Tier

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOKENS = st.integers(min_value=0, max_value=2_000_000)
SHIPPED = Catalogue.shipped()
FULLY_PRICED = [
    listed
    for shipped in SHIPPED
    if (listed := shipped.price_at(NOW)) and shipped.id != "claude-fable-5-2"
]
RATES = st.builds(
    Rates,
    input_picousd=st.integers(0, 10**8),
    output_picousd=st.integers(0, 10**8),
    cache_read_picousd=st.integers(0, 10**8),
    cache_write_5m_picousd=st.integers(0, 10**8),
    cache_write_1h_picousd=st.integers(0, 10**8),
)
PRICES = st.builds(
    lambda base, dear, border: Price(
        base=base, tiers=(Tier(above_prompt_tokens=border, rates=dear),)
    ),
    RATES,
    RATES,
    st.integers(1, 1_500_000),
)
USAGES = st.builds(
    Usage,
    input_tokens=TOKENS,
    output_tokens=TOKENS,
    cache_read_tokens=TOKENS,
    cache_write_5m_tokens=TOKENS,
    cache_write_1h_tokens=TOKENS,
)


def model(model_id: str) -> Model:
    found = SHIPPED.get(model_id)
    assert found is not None
    return found


def price(model_id: str, when: datetime = NOW) -> Price:
    found = model(model_id).price_at(when)
    assert found is not None
    return found


def dollars(nanousd: int | None) -> Decimal | None:
    return None if nanousd is None else Decimal(nanousd) / 1_000_000_000


@pytest.mark.parametrize(
    ("model_id", "per_million"),
    [
        ("claude-sonnet-5-5", ("2", "10", "0.10", "2.50", "4")),
        ("claude-opus-5-5", ("4", "20", "0.20", "5", "8")),
        ("claude-fable-5-1", ("10", "50", "0.25", "12.50", "20")),
        ("claude-sonnet-5", ("2", "10", "0.20", "2.50", "4")),
        ("claude-opus-5", ("5", "25", "0.50", "6.25", "10")),
        ("claude-haiku-4-5", ("1", "5", "0.10", "1.25", "2")),
        ("claude-sonnet-4-6", ("3", "15", "0.30", "3.75", "6")),
        ("claude-sonnet-4-5", ("3", "15", "0.30", "3.75", "6")),
        ("claude-opus-4-8", ("5", "25", "0.50", "6.25", "10")),
        ("claude-opus-4-7", ("5", "25", "0.50", "6.25", "10")),
        ("claude-opus-4-6", ("5", "25", "0.50", "6.25", "10")),
        ("claude-opus-4-5", ("5", "25", "0.50", "6.25", "10")),
    ],
)
def test_a_million_tokens_of_each_kind_cost_what_the_price_list_says(
    model_id: str, per_million: tuple[str, ...]
) -> None:
    """The shipped prices, one category at a time."""
    million = 1_000_000
    usages = (
        Usage(input_tokens=million),
        Usage(output_tokens=million),
        Usage(cache_read_tokens=million),
        Usage(cache_write_5m_tokens=million),
        Usage(cache_write_1h_tokens=million),
    )
    costs = tuple(dollars(price(model_id).cost_nanousd(usage)) for usage in usages)
    assert costs == tuple(map(Decimal, per_million))


@pytest.mark.parametrize(
    ("prompt", "output", "nanousd"),
    [
        (Usage(input_tokens=100_000), 0, 10_000_000),
        (Usage(input_tokens=100_001), 0, 50_000_500),
        (Usage(input_tokens=1, cache_read_tokens=99_999), 1_000, 100 + 999_990 + 500_000),
        (Usage(input_tokens=2, cache_read_tokens=99_999), 1_000, 1_000 + 4_999_950 + 2_500_000),
        (Usage(cache_write_5m_tokens=60_000, cache_write_1h_tokens=40_000), 0, 15_500_000),
        (Usage(cache_write_5m_tokens=60_000, cache_write_1h_tokens=40_001), 0, 77_501_000),
    ],
)
def test_haikus_tier_is_chosen_by_the_whole_prompt_and_holds_for_the_whole_request(
    prompt: Usage, output: int, nanousd: int
) -> None:
    """Up to 100,000 prompt tokens, read and written ones included, the low rates; then the high."""
    usage = prompt + Usage(output_tokens=output)
    assert price("claude-haiku-5-5").cost_nanousd(usage) == nanousd


def test_output_tokens_do_not_push_a_request_into_the_dearer_tier() -> None:
    """Only the prompt decides about the tier."""
    usage = Usage(input_tokens=100_000, output_tokens=100_000)
    assert price("claude-haiku-5-5").cost_nanousd(usage) == 10_000_000 + 50_000_000


@pytest.mark.parametrize(
    ("when", "per_million"),
    [
        (datetime(2026, 10, 6, 23, 59, 59, 999_999, tzinfo=UTC), "0.20"),
        (datetime(2026, 10, 7, tzinfo=UTC), "0.10"),
        (datetime(2026, 10, 7, 1, tzinfo=timezone(timedelta(hours=2))), "0.20"),
        (datetime(2026, 10, 6, 23, tzinfo=timezone(-timedelta(hours=2))), "0.10"),
    ],
)
def test_a_price_changes_at_midnight_utc(when: datetime, per_million: str) -> None:
    """Sonnet's cache reads were halved on 2026-10-07, wherever the clock that asks stands."""
    cost = price("claude-sonnet-5-5", when).cost_nanousd(Usage(cache_read_tokens=1_000_000))
    assert dollars(cost) == Decimal(per_million)


def test_a_model_has_no_price_before_its_first_one() -> None:
    """Fable 5.2 came on 2026-11-09; nothing is made up for the day before."""
    fable = model("claude-fable-5-2")
    assert fable.price_at(datetime(2026, 11, 8, 23, 59, tzinfo=UTC)) is None
    assert fable.price_at(datetime(2026, 11, 9, tzinfo=UTC)) is not None


def test_a_price_ends_when_its_validity_does() -> None:
    """The day named as the end is the first without the price."""
    ended = Price(base=Rates(input_picousd=1), valid_until=date(2026, 11, 23))
    old = Model(
        id="m",
        name="m",
        context_window_tokens=1,
        max_output_tokens=1,
        min_cacheable_tokens=1,
        prices=(ended,),
    )
    assert old.price_at(NOW - timedelta(days=1)) is ended
    assert old.price_at(NOW) is None


def test_asking_for_a_price_at_a_naive_time_is_refused() -> None:
    """Near midnight a time without a zone would pick a price by chance."""
    with pytest.raises(ValueError, match="without a time zone"):
        model("claude-sonnet-5-5").price_at(datetime(2026, 11, 23))  # noqa: DTZ001  # the point


def test_a_category_without_a_price_makes_the_cost_unknown_only_when_it_is_used() -> None:
    """Fable 5.2's one-hour cache writes have no known price; all else of it has."""
    fable = price("claude-fable-5-2")
    assert fable.cost_nanousd(Usage(input_tokens=1, cache_write_1h_tokens=1)) is None
    assert fable.cost_nanousd(Usage(input_tokens=1, cache_write_5m_tokens=1)) == 18_000
    assert fable.worst_case_nanousd(100, 10, cache_ttl="1h") is None
    assert fable.worst_case_nanousd(100, 10) is None
    assert fable.worst_case_nanousd(100, 10, cache_ttl="5m") == 100 * 10_000 + 10 * 40_000


def test_a_batch_costs_half_rounded_half_up_once() -> None:
    """An odd nano-dollar is rounded up at the end, not in every part."""
    cheap = Price(base=Rates(input_picousd=1_000, output_picousd=1_000))
    assert cheap.cost_nanousd(Usage(input_tokens=1, output_tokens=1), batch=True) == 1
    assert cheap.cost_nanousd(Usage(input_tokens=1, output_tokens=2), batch=True) == 2


def test_a_fraction_of_a_nano_dollar_is_set_aside_as_a_whole_one() -> None:
    """Otherwise the bill, rounded half up, could exceed what was set aside."""
    listed = Price(base=Rates(input_picousd=500, output_picousd=0))
    assert listed.cost_nanousd(Usage(input_tokens=1)) == 1
    assert listed.worst_case_nanousd(1, 0, cache_ttl="5m") is None
    priced = Price(base=Rates(input_picousd=500, output_picousd=0, cache_write_5m_picousd=500))
    assert priced.worst_case_nanousd(1, 0, cache_ttl="5m") == 1


@given(usage=USAGES, listed=PRICES, batch=st.booleans())
def test_the_cost_is_the_exact_sum_of_its_parts(usage: Usage, listed: Price, batch: bool) -> None:
    """Against decimal arithmetic that can't lose a digit; the result is an integer, never a float."""
    rates = (
        listed.tiers[0].rates
        if usage.prompt_tokens > listed.tiers[0].above_prompt_tokens
        else listed.base
    )
    parts = (
        (usage.input_tokens, rates.input_picousd),
        (usage.output_tokens, rates.output_picousd),
        (usage.cache_read_tokens, rates.cache_read_picousd),
        (usage.cache_write_5m_tokens, rates.cache_write_5m_picousd),
        (usage.cache_write_1h_tokens, rates.cache_write_1h_picousd),
    )
    exact = sum((Decimal(tokens) * Decimal(rate or 0) for tokens, rate in parts), Decimal(0))
    exact = exact / 1000 / (2 if batch else 1)
    cost = listed.cost_nanousd(usage, batch=batch)
    assert type(cost) is int
    assert cost == int(exact.to_integral_value(ROUND_HALF_UP))


@given(
    first=st.builds(Usage, input_tokens=st.integers(0, 50_000), output_tokens=TOKENS),
    second=st.builds(Usage, cache_read_tokens=st.integers(0, 50_000), output_tokens=TOKENS),
    listed=st.sampled_from(FULLY_PRICED),
)
def test_within_a_tier_two_requests_cost_as_much_as_one_of_both(
    first: Usage, second: Usage, listed: Price
) -> None:
    """Every shipped price is a whole number of nano-dollars a token, so that nothing is rounded."""
    apart = (listed.cost_nanousd(first), listed.cost_nanousd(second))
    assert None not in apart
    assert listed.cost_nanousd(first + second) == sum(cost or 0 for cost in apart)


@given(usage=USAGES, listed=PRICES, spare=st.integers(0, 100_000))
def test_nothing_costs_more_than_the_worst_case(usage: Usage, listed: Price, spare: int) -> None:
    """What a budget sets aside is enough, however the prompt is cached and whichever its tier."""
    prompt = Usage(
        input_tokens=usage.input_tokens + usage.cache_read_tokens,
        output_tokens=usage.output_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
    )
    cost = listed.cost_nanousd(prompt)
    worst = listed.worst_case_nanousd(prompt.prompt_tokens + spare, prompt.output_tokens)
    assert cost is not None
    assert worst is not None
    assert cost <= worst


@given(usage=USAGES, listed=st.sampled_from(FULLY_PRICED), ttl=st.sampled_from(["5m", "1h"]))
def test_the_worst_case_of_a_shipped_model_covers_its_cache_reads_too(
    usage: Usage, listed: Price, ttl: str
) -> None:
    """With the lifetime that the request asks for, no mix of categories costs more."""
    written = usage.cache_write_tokens
    asked = Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=written if ttl == "5m" else 0,
        cache_write_1h_tokens=written if ttl == "1h" else 0,
    )
    worst = listed.worst_case_nanousd(
        asked.prompt_tokens, asked.output_tokens, cache_ttl="5m" if ttl == "5m" else "1h"
    )
    cost = listed.cost_nanousd(asked)
    assert cost is not None
    assert worst is not None
    assert cost <= worst
