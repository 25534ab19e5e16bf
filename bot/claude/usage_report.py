"""Usage as the provider reports it: at the start of a message, and again, cumulated, at its end."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.vocabulary import Usage


class UsageReport:
    """Gathers the reports of one response.

    `cache_ttl` ("5m" or "1h") is the lifetime that cache writes belong to where the provider does
    not say: the one that was asked for.
    """

    def __init__(self, *, cache_ttl: str) -> None:
        self._ttl = cache_ttl
        self._seen: dict[str, int] = {}
        self._written_1h: int | None = None
        self.web_searches = 0

    def take(self, report: Mapping[str, Any]) -> None:
        """Take a `usage` object; figures it does not have stay as they were.

        Raises `TypeError` or `ValueError` when a figure is none.
        """
        for key in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ):
            if report.get(key) is not None:
                self._seen[key] = _count(report[key])
        breakdown = report.get("cache_creation")
        if breakdown:
            self._written_1h = _count(breakdown.get("ephemeral_1h_input_tokens") or 0)
        tools = report.get("server_tool_use")
        if tools:
            self.web_searches = _count(tools.get("web_search_requests") or 0)

    @property
    def usage(self) -> Usage:
        """What has been reported so far."""
        seen = self._seen
        written = seen.get("cache_creation_input_tokens", 0)
        written_1h = self._share_of_1h(written)
        return Usage(
            input_tokens=seen.get("input_tokens", 0),
            output_tokens=seen.get("output_tokens", 0),
            cache_read_tokens=seen.get("cache_read_input_tokens", 0),
            cache_write_5m_tokens=written - written_1h,
            cache_write_1h_tokens=written_1h,
        )

    def with_output_of_at_least(self, tokens: int) -> Usage:
        """The usage so far, its output raised to what has visibly arrived."""
        usage = self.usage
        return replace(usage, output_tokens=max(usage.output_tokens, tokens))

    def _share_of_1h(self, written: int) -> int:
        if self._written_1h is None:
            return written if self._ttl == "1h" else 0
        return min(written, self._written_1h)


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"not a number of tokens: {value!r}")
    return value
