"""The Admin API's usage and cost reports, made from the simulated provider's own bill.

Source: https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report and
https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-cost-report
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web

from bot.vocabulary import Usage
from sandbox.claude.bill import Bill, BillRow
from sandbox.claude.errors import ApiError, invalid
from sandbox.claude.provider import Provider

DEFAULT_DAYS, MAX_DAYS = 7, 31
"""Buckets a page."""

_NANO_PER_CENT = 10**7

Json = dict[str, Any]


class AdminEndpoints:
    """What an Admin key can ask for. `account_of` checks and returns the key of a request."""

    def __init__(self, provider: Provider, *, account_of: Callable[[web.Request], str]) -> None:
        self._provider = provider
        self._account_of = account_of

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/v1/organizations/usage_report/messages", self.usage_report),
            web.get("/v1/organizations/cost_report", self.cost_report),
        ]

    async def usage_report(self, request: web.Request) -> web.Response:
        """GET /v1/organizations/usage_report/messages"""
        return self._page(request, group="model", results=_usage_results)

    async def cost_report(self, request: web.Request) -> web.Response:
        """GET /v1/organizations/cost_report"""
        return self._page(request, group="description", results=_cost_results)

    def _page(
        self,
        request: web.Request,
        *,
        group: str,
        results: Callable[[Sequence[BillRow], bool], list[Json]],
    ) -> web.Response:
        if not self._account_of(request).startswith("sk-ant-admin"):
            raise ApiError(401, "invalid x-api-key: this endpoint needs an Admin key")
        if request.query.get("bucket_width", "1d") != "1d":
            raise invalid("bucket_width", "the simulated provider has days alone")
        days = _days(request, self._provider.clock.now())
        limit = _limit(request)
        first = int(request.query.get("page", "page_0").removeprefix("page_"))
        shown = days[first : first + limit]
        more = first + limit < len(days)
        grouped = group in request.query.getall("group_by[]", [])
        bill = self._provider.bill()
        return web.json_response(
            {
                "data": [_bucket(day, results(_rows(bill, day), grouped)) for day in shown],
                "has_more": more,
                "next_page": f"page_{first + limit}" if more else None,
            }
        )


def _days(request: web.Request, now: datetime) -> list[date]:
    start = _instant(request, "starting_at")
    if start is None:
        raise invalid("starting_at", "Field required")
    end = _instant(request, "ending_at") or now
    first = start.astimezone(UTC).date()
    count = (end.astimezone(UTC) - datetime(*first.timetuple()[:3], tzinfo=UTC)) / timedelta(days=1)
    whole = int(count) + (count % 1 > 0)
    return [first + timedelta(days=n) for n in range(max(0, whole))]


def _instant(request: web.Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(name, "Input should be a valid datetime") from error


def _limit(request: web.Request) -> int:
    try:
        limit = int(request.query.get("limit", DEFAULT_DAYS))
    except ValueError as error:
        raise invalid("limit", "Input should be a valid integer") from error
    if not 1 <= limit <= MAX_DAYS:
        raise invalid("limit", f"Input should be between 1 and {MAX_DAYS}")
    return limit


def _rows(bill: Bill, day: date) -> list[BillRow]:
    return [row for row in bill.rows if row.at.astimezone(UTC).date() == day]


def _bucket(day: date, results: list[Json]) -> Json:
    return {
        "starting_at": f"{day.isoformat()}T00:00:00Z",
        "ending_at": f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z",
        "results": results,
    }


def _usage_results(rows: Sequence[BillRow], grouped: bool) -> list[Json]:
    return [_usage_result(model, some) for model, some in _by_model(rows, grouped)]


def _usage_result(model: str | None, rows: Sequence[BillRow]) -> Json:
    used = sum((row.usage for row in rows), Usage())
    return {
        "uncached_input_tokens": used.input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": used.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": used.cache_write_1h_tokens,
        },
        "cache_read_input_tokens": used.cache_read_tokens,
        "output_tokens": used.output_tokens,
        "server_tool_use": {"web_search_requests": 0},
        "api_key_id": None,
        "workspace_id": None,
        "model": model,
        "service_tier": None,
        "context_window": None,
    }


def _cost_results(rows: Sequence[BillRow], grouped: bool) -> list[Json]:
    return [
        {
            "currency": "USD",
            "amount": str(
                Decimal(sum(row.cost_nanousd + row.search_nanousd for row in some)) / _NANO_PER_CENT
            ),
            "workspace_id": None,
            "description": f"{model} usage" if model else None,
            "cost_type": "tokens" if model else None,
            "context_window": None,
            "model": model,
            "service_tier": None,
            "token_type": None,
        }
        for model, some in _by_model(rows, grouped)
    ]


def _by_model(rows: Sequence[BillRow], grouped: bool) -> list[tuple[str | None, list[BillRow]]]:
    if not grouped:
        return [(None, list(rows))] if rows else []
    models = sorted({row.model for row in rows})
    return [(model, [row for row in rows if row.model == model]) for model in models]
