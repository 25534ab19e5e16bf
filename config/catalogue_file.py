"""The form of a catalogue file, such as `models.toml`."""

from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from config.model import Effort, Model, ThinkingType
from config.phrases import problems_of
from config.pricing import Price, Rates, Tier
from config.problems import SettingsError
from config.toml_file import read_toml

_PICO_PER_MICRO = 1_000_000  # dollars per million tokens are micro-dollars per token


def _picousd_per_token(value: object) -> int:
    """Dollars per million tokens, exactly, as pico-dollars per token."""
    wrong = 'must be dollars per million tokens, such as "2.50"; correct it'
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(wrong)
    try:
        picousd = Decimal(value) * _PICO_PER_MICRO
    except InvalidOperation as error:
        raise ValueError(wrong) from error
    if not picousd.is_finite() or picousd < 0:
        raise ValueError(wrong)
    if picousd != picousd.to_integral_value():
        raise ValueError("has more than six decimals; round it up")
    return int(picousd)


_PicoUsd = Annotated[int | None, BeforeValidator(_picousd_per_token)]
_Tokens = Annotated[int, Field(strict=True, gt=0)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _RatesEntry(_Entry):
    input: _PicoUsd = None
    output: _PicoUsd = None
    cache_read: _PicoUsd = None
    cache_write_5m: _PicoUsd = None
    cache_write_1h: _PicoUsd = None

    def rates(self) -> Rates:
        return Rates(
            input_picousd=self.input,
            output_picousd=self.output,
            cache_read_picousd=self.cache_read,
            cache_write_5m_picousd=self.cache_write_5m,
            cache_write_1h_picousd=self.cache_write_1h,
        )


class _TierEntry(_RatesEntry):
    above_prompt_tokens: _Tokens


class _PriceEntry(_RatesEntry):
    valid_from: date | None = None
    valid_until: date | None = None
    tiers: tuple[_TierEntry, ...] = ()

    @model_validator(mode="after")
    def _ascends(self) -> "_PriceEntry":
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValueError("valid_until is not after valid_from; correct the days")
        borders = [tier.above_prompt_tokens for tier in self.tiers]
        if borders != sorted(set(borders)):
            raise ValueError("tiers do not ascend; put them in order of above_prompt_tokens")
        return self

    def price(self) -> Price:
        tiers = tuple(
            Tier(above_prompt_tokens=tier.above_prompt_tokens, rates=tier.rates())
            for tier in self.tiers
        )
        return Price(
            base=self.rates(), tiers=tiers, valid_from=self.valid_from, valid_until=self.valid_until
        )


class _ModelEntry(_Entry):
    id: str = Field(min_length=1)
    name: str = ""
    context_window_tokens: _Tokens
    max_output_tokens: _Tokens
    min_cacheable_tokens: _Tokens
    thinking_types: tuple[ThinkingType, ...] = ()
    disabled_thinking_max_effort: Effort | None = None
    default_effort: Effort | None = None
    retires_on: date | None = None
    prices: tuple[_PriceEntry, ...] = ()

    @field_validator("prices")
    @classmethod
    def _follow_one_another(cls, prices: tuple[_PriceEntry, ...]) -> tuple[_PriceEntry, ...]:
        for earlier, later in pairwise(prices):
            ends, begins = earlier.valid_until, later.valid_from
            if ends is None or begins is None or begins < ends:
                raise ValueError(
                    "overlap in time; give each a valid_until that the next one's valid_from follows"
                )
        return prices

    def model(self) -> Model:
        values: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        values["name"] = self.name or self.id
        values["prices"] = tuple(entry.price() for entry in self.prices)
        return Model(**values)


class _CatalogueEntry(_Entry):
    checked_on: date | None = None
    models: tuple[_ModelEntry, ...] = ()

    @field_validator("models")
    @classmethod
    def _differ(cls, models: tuple[_ModelEntry, ...]) -> tuple[_ModelEntry, ...]:
        ids = [entry.id for entry in models]
        for model_id in ids:
            if ids.count(model_id) > 1:
                raise ValueError(f"{model_id} is listed twice; keep one")
        return models


def read_catalogue_file(
    path: Path, *, name: str | None = None
) -> tuple[dict[str, Model], date | None]:
    """The models of the file by id, and the day their prices were last checked.

    Raises:
        SettingsError: with a line for every problem in the file, which it calls `name`.
    """
    file = read_toml(path, name=name)
    try:
        entry = _CatalogueEntry.model_validate(file.values)
    except ValidationError as error:
        problems = problems_of(error.errors(), model=_CatalogueEntry, where=file.where)
        raise SettingsError(problems) from None
    return {item.id: item.model() for item in entry.models}, entry.checked_on
