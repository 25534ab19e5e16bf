"""The provider's own usage and cost reports, by day and model, as its Admin API gives them.

Source: https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report and
https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-cost-report. Days are UTC; amounts are
cents, as decimal strings.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.money.amounts import NANO_PER_CENT
from bot.vocabulary import Usage

DayAndModel = tuple[date, str]


class NotAReport(Exception):
    """The text is not such a report; the message says what is wrong."""


@dataclass(slots=True)
class ProviderReport:
    """What the provider says was used and what it cost; a half of it may be missing.

    `model_of` gives a model its plain id: the provider may name a dated snapshot.
    """

    model_of: Callable[[str], str]
    usage: dict[DayAndModel, Usage] = field(default_factory=dict)
    costs: dict[DayAndModel, Decimal] = field(default_factory=dict)
    """In nano-dollars, which can have a fraction."""
    days: set[date] = field(default_factory=set)
    """The days that it has told anything of, zero too."""

    def add(self, page: Any) -> None:
        """Take a page of either report, or a list of pages. Raises `NotAReport`."""
        if isinstance(page, list):
            for each in page:
                self.add(each)
            return
        if not isinstance(page, Mapping) or not isinstance(page.get("data"), list):
            raise NotAReport('it has no list "data", as reports of the Admin API have')
        try:
            for bucket in page["data"]:
                self._add_bucket(bucket)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            raise NotAReport(f"a bucket of it can't be read: {error!r}") from error

    def _add_bucket(self, bucket: Mapping[str, Any]) -> None:
        day = datetime.fromisoformat(bucket["starting_at"]).astimezone(UTC).date()
        self.days.add(day)
        for result in bucket["results"]:
            key = (day, self.model_of(result.get("model") or "unknown"))
            if "amount" in result:
                cost = Decimal(str(result["amount"])) * NANO_PER_CENT
                self.costs[key] = self.costs.get(key, Decimal(0)) + cost
            else:
                self.usage[key] = self.usage.get(key, Usage()) + _usage(result)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something on which the ledger and the provider differ, on one day and for one model."""

    day: date
    model: str
    what: str
    ledger: Decimal
    provider: Decimal


COST = "cost in nano-dollars"
TOLERANCE_NANOUSD = 1_000
"""The provider rounds; a thousandth of a cent is no difference."""


def differences(
    ledger: Mapping[DayAndModel, tuple[Usage, int]], provider: ProviderReport
) -> Iterator[Difference]:
    """Where they differ, by day and model; only days that the provider told of are compared, and of its
    two reports those that are there."""
    keys = {*ledger, *provider.usage, *provider.costs}
    for day, model in sorted(key for key in keys if key[0] in provider.days):
        used, cost_nanousd = ledger.get((day, model), (Usage(), 0))
        if provider.usage:
            theirs = provider.usage.get((day, model), Usage())
            for what, ours, told in _tokens(used, theirs):
                if ours != told:
                    yield Difference(day, model, what, Decimal(ours), Decimal(told))
        if provider.costs:
            told_cost = provider.costs.get((day, model), Decimal(0))
            if abs(told_cost - cost_nanousd) > TOLERANCE_NANOUSD:
                yield Difference(day, model, COST, Decimal(cost_nanousd), told_cost)


def _tokens(ours: Usage, theirs: Usage) -> list[tuple[str, int, int]]:
    return [
        ("input tokens", ours.input_tokens, theirs.input_tokens),
        ("output tokens", ours.output_tokens, theirs.output_tokens),
        ("cache read tokens", ours.cache_read_tokens, theirs.cache_read_tokens),
        ("cache write tokens", ours.cache_write_tokens, theirs.cache_write_tokens),
    ]


def _usage(result: Mapping[str, Any]) -> Usage:
    written = result.get("cache_creation") or {}
    return Usage(
        input_tokens=int(result.get("uncached_input_tokens") or 0),
        output_tokens=int(result.get("output_tokens") or 0),
        cache_read_tokens=int(result.get("cache_read_input_tokens") or 0),
        cache_write_5m_tokens=int(written.get("ephemeral_5m_input_tokens") or 0),
        cache_write_1h_tokens=int(written.get("ephemeral_1h_input_tokens") or 0),
    )
