"""The catalogue of models as a file."""

from datetime import date
from pathlib import Path

import pytest

from bot.vocabulary import Usage
from config import Catalogue, SettingsError
from tests.unit.test_catalogue_prices import NOW, SHIPPED

ONE_MODEL = """
[[models]]
id = "acme-1"
context_window_tokens = 1000
max_output_tokens = 100
min_cacheable_tokens = 10
"""


def load(folder: Path, text: str) -> Catalogue:
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return Catalogue.load(path, name="models.toml")


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(folder, text)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5-20260901", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5-latest", "claude-sonnet-5-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-sonnet-5", "claude-sonnet-5"),
    ],
)
def test_dated_and_latest_ids_are_their_model(asked: str, found: str) -> None:
    """A snapshot costs what its model costs."""
    model = SHIPPED.get(asked)
    assert model is not None
    assert model.id == found


@pytest.mark.parametrize("asked", ["claude-sonnet-9", "claude-sonnet-5-5-2026", "", "latest"])
def test_an_unknown_id_is_no_model(asked: str) -> None:
    """Nothing similar is taken in its place."""
    assert SHIPPED.get(asked) is None


def test_sonnet_4_5_is_there_until_the_day_it_retires() -> None:
    """Its requests fail from 2026-11-30 on."""
    model = SHIPPED.get("claude-sonnet-4-5")
    assert model is not None
    assert not model.is_retired_on(date(2026, 11, 29))
    assert model.is_retired_on(date(2026, 11, 30))


def test_a_snapshot_with_an_entry_of_its_own_is_not_its_model(tmp_path: Path) -> None:
    """An operator may price one snapshot apart."""
    own = load(tmp_path, ONE_MODEL.replace("acme-1", "claude-sonnet-5-5-20260901"))
    both = SHIPPED.extended_by(own)
    found = both.get("claude-sonnet-5-5-20260901")
    assert found is not None
    assert found.context_window_tokens == 1000
    assert len(both) == len(SHIPPED) + 1


def test_an_operators_model_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    """Correcting a price needs one entry, not a copy of everything."""
    own = load(
        tmp_path,
        ONE_MODEL.replace("acme-1", "claude-sonnet-5-5") + "[[models.prices]]\ninput = 0.0375\n",
    )
    model = SHIPPED.extended_by(own).get("claude-sonnet-5-5")
    assert model is not None
    price = model.price_at(NOW)
    assert price is not None
    assert price.cost_nanousd(Usage(input_tokens=1_000)) == 37_500


def test_a_model_without_a_price_has_none(tmp_path: Path) -> None:
    """Not known is not zero; zero can be said, for a model that is free."""
    unpriced = load(tmp_path, ONE_MODEL).get("acme-1")
    assert unpriced is not None
    assert unpriced.price_at(NOW) is None
    assert unpriced.name == "acme-1"
    free = load(tmp_path, ONE_MODEL + '[[models.prices]]\ninput = 0\noutput = "0"\n').get("acme-1")
    assert free is not None
    price = free.price_at(NOW)
    assert price is not None
    assert price.cost_nanousd(Usage(input_tokens=5, output_tokens=5)) == 0


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ("input = -1", "models.toml:9: models[0].prices[0].input: must be dollars per million"),
        ('input = "two"', "models.toml:9: models[0].prices[0].input: must be dollars per million"),
        ("input = true", "models.toml:9: models[0].prices[0].input: must be dollars per million"),
        ("input = inf", "models.toml:9: models[0].prices[0].input: must be dollars per million"),
        ("input = 0.1234567", "models.toml:9: models[0].prices[0].input: has more than six decim"),
        (
            "inptu = 1",
            'models.toml:9: models[0].prices[0].inptu: is not a setting; did you mean "i',
        ),
        ('valid_from = "soon"', "models.toml:9: models[0].prices[0].valid_from: "),
        (
            "valid_from = 2026-11-09\nvalid_until = 2026-11-09",
            "models.toml:8: models[0].prices[0]: valid_until is not after valid_from; correct",
        ),
        (
            "[[models.prices]]\nvalid_from = 2026-11-09",
            "models.toml:8: models[0].prices: overlap in time; give each a valid_until",
        ),
        (
            "valid_until = 2026-11-10\n[[models.prices]]\nvalid_from = 2026-11-09",
            "models.toml:8: models[0].prices: overlap in time; give each a valid_until",
        ),
        (
            (
                "[[models.prices.tiers]]\nabove_prompt_tokens = 2\n"
                "[[models.prices.tiers]]\nabove_prompt_tokens = 1"
            ),
            "models.toml:8: models[0].prices[0]: tiers do not ascend; put them in order",
        ),
    ],
)
def test_a_wrong_price_is_told_with_its_line(tmp_path: Path, price: str, message: str) -> None:
    """File, line, key, what is wrong and what to do."""
    [line] = complaints(tmp_path, ONE_MODEL + f"\n[[models.prices]]\n{price}\n")
    assert line.startswith(message)


def test_all_that_is_wrong_with_a_catalogue_is_told_at_once(tmp_path: Path) -> None:
    """Nobody repairs a file in ten rounds."""
    lines = complaints(
        tmp_path,
        """
        [[models]]
        id = "a"
        context_window_tokens = "many"
        max_output_tokens = 0
        thinking_types = ["sometimes"]
        """,
    )
    assert [line.partition(";")[0] for line in lines] == [
        'models.toml:4: models[0].context_window_tokens: must be a whole number, not "many"',
        "models.toml:5: models[0].max_output_tokens: must be more than 0, not 0",
        "models.toml:2: models[0].min_cacheable_tokens: is missing",
        (
            'models.toml:6: models[0].thinking_types[0]: must be one of "adaptive", "between_tools", '
            '"enabled" or "disabled", not "sometimes"'
        ),
    ]


def test_a_model_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two prices would hold is anybody's guess."""
    assert complaints(tmp_path, ONE_MODEL + ONE_MODEL) == [
        "models.toml:2: models: acme-1 is listed twice; keep one"
    ]
