"""Fetches the provider's usage and cost reports from its Admin API.

Source: https://platform.claude.com/docs/en/manage-claude/usage-cost-api
"""

from datetime import datetime
from typing import Any

import aiohttp

from bot.money.provider_report import NotAReport, ProviderReport

VERSION = "2023-06-01"
MAX_PAGES = 200
DAYS_A_PAGE = 31
TIMEOUT_S = 60.0

_PATHS = {
    "/v1/organizations/usage_report/messages": "model",
    "/v1/organizations/cost_report": "description",
}
"""Each report, and what it is grouped by so that it tells models apart."""


class ApiRefused(Exception):
    """The Admin API did not answer as it should; the message says how, without the key."""


async def fetch(
    report: ProviderReport, *, base_url: str, key: str, since: datetime, until: datetime
) -> None:
    """Add both reports of the days in [since, until) to `report`. Raises `ApiRefused`."""
    headers = {"x-api-key": key, "anthropic-version": VERSION}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    loopback = any(each in base_url for each in ("127.0.0.1", "localhost", "[::1]"))
    try:
        async with aiohttp.ClientSession(
            headers=headers, timeout=timeout, trust_env=not loopback
        ) as session:
            for path, group in _PATHS.items():
                url = f"{base_url.rstrip('/')}{path}"
                await _fetch(session, url, report, _query(since, until, group))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ApiRefused(f"the Admin API can't be reached: {type(error).__name__}") from error


def _query(since: datetime, until: datetime, group: str) -> dict[str, str]:
    return {
        "starting_at": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ending_at": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "bucket_width": "1d",
        "limit": str(DAYS_A_PAGE),
        "group_by[]": group,
    }


async def _fetch(
    session: aiohttp.ClientSession, url: str, report: ProviderReport, query: dict[str, str]
) -> None:
    for _ in range(MAX_PAGES):
        async with session.get(url, params=query) as response:
            page: Any = await response.json(content_type=None)
            if response.status != 200:
                raise ApiRefused(_reason(response.status, page))
        try:
            report.add(page)
        except NotAReport as error:
            raise ApiRefused(f"the Admin API's answer is no report: {error}") from error
        if not page.get("has_more") or not page.get("next_page"):
            return
        query = {**query, "page": str(page["next_page"])}
    raise ApiRefused(f"the report has more than {MAX_PAGES} pages")


def _reason(status: int, page: Any) -> str:
    error = page.get("error") if isinstance(page, dict) else None
    message = error.get("message", "") if isinstance(error, dict) else ""
    remedy = " (is ANTHROPIC_ADMIN_KEY an Admin key?)" if status in (401, 403) else ""
    return f"the Admin API answered {status}: {str(message)[:200]}{remedy}"
