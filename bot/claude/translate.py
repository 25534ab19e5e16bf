"""Turns what the SDK, its transport and the provider report into a `ClaudeError`: once, here.

Sources: https://platform.claude.com/docs/en/api/errors and .../api/rate-limits. The transport's own
exceptions come through the SDK unwrapped once a response has begun (`httpx2`, and `aiohttp` where
`httpx2` has no name for it).
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import anthropic
import httpx2

from bot.claude.errors import (
    BrokenStream,
    ClaudeError,
    ConnectionFailed,
    ContextTooLong,
    InvalidRequest,
    ModelNotFound,
    NotAuthorised,
    Overloaded,
    ProviderFailed,
    RateLimited,
    RequestTooLarge,
    SpendLimitReached,
    TimedOut,
)

MAX_MESSAGE_CHARS = 500

# Errors inside a stream carry a type but no status of their own; these are the statuses they have
# when they come as a response.
_STATUS_OF_TYPE: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_KIND_OF_STATUS: Mapping[int, type[ClaudeError]] = {
    401: NotAuthorised,
    402: SpendLimitReached,
    403: NotAuthorised,
    404: ModelNotFound,
    408: TimedOut,
    409: ProviderFailed,
    413: RequestTooLarge,
    429: RateLimited,
    504: TimedOut,
    529: Overloaded,
}

_SPEND_CODES = (
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
)
# A limit that the account set for itself, and an empty prepaid balance, come as a plain 400.
_SPEND_WORDS = re.compile(
    r"credit balance is too low|usage limits?\b.*regain access|spend limit", re.IGNORECASE
)
_TOO_LONG = re.compile(r"prompt is too long|exceeds? (the )?context (limit|window)", re.IGNORECASE)
_TOO_LONG_FIGURES = re.compile(r"(\d[\d,]*)(?: tokens)?(?: \+ \d+)? > (\d[\d,]*)")
_KEY = re.compile(r"\b(sk-ant|Bearer)[-\s][\w-]+", re.IGNORECASE)

# The transport failed before a byte of the request had left.
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
    anthropic.CredentialsError,
)
_TIMEOUTS = (
    TimeoutError,
    anthropic.APITimeoutError,
    httpx2.TimeoutException,
    aiohttp.ServerTimeoutError,
)
_BROKEN = (httpx2.DecodingError, httpx2.RemoteProtocolError, anthropic.APIResponseValidationError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What the provider said was wrong: the body of an error response or of an `error` event."""

    status: int
    error_type: str | None = None
    code: str | None = None
    message: str = ""
    request_id: str | None = None
    retry_after_s: float | None = None
    should_retry: bool | None = None

    def as_error(self, *, model: str | None) -> ClaudeError:
        """The error it amounts to."""
        kind = self._kind()
        error = kind(
            _plain(self.message) or f"status {self.status} without an explanation",
            model=model,
            status=self.status,
            error_type=self.error_type,
            request_id=self.request_id,
            retry_after_s=self.retry_after_s,
            should_retry=None if issubclass(kind, SpendLimitReached) else self.should_retry,
        )
        if isinstance(error, ContextTooLong):
            error.prompt_tokens, error.max_prompt_tokens = _figures(self.message)
        return error

    def _kind(self) -> type[ClaudeError]:
        if self._is_about_money():
            return SpendLimitReached
        if self.status in (400, 413, 422) and _TOO_LONG.search(self.message):
            return ContextTooLong
        known = _KIND_OF_STATUS.get(self.status)
        if known is not None:
            return known
        return ProviderFailed if self.status >= 500 else InvalidRequest

    def _is_about_money(self) -> bool:
        if self.error_type == "billing_error" or self.code in _SPEND_CODES:
            return True
        if self.status not in (400, 403, 429):
            return False
        return any(c in self.message for c in _SPEND_CODES) or bool(
            _SPEND_WORDS.search(self.message)
        )


def translate(error: Exception, *, model: str | None, now: datetime) -> ClaudeError:
    """The `ClaudeError` that `error`, raised by the SDK or below it, amounts to.

    `now` is what an HTTP date in `retry-after` is compared with.
    """
    if isinstance(error, ClaudeError):
        return error
    if isinstance(error, anthropic.APIStatusError):
        return _from_response(error, now).as_error(model=model)
    translated = _kind_of(error)(_describe(error), model=model)
    translated.reached_provider = not _was_never_sent(error)
    translated.worked_on = translated.reached_provider
    return translated


def complaint_in(event: Mapping[str, Any], *, request_id: str | None) -> Complaint:
    """What an `error` event inside a stream says."""
    body = event.get("error")
    detail: Mapping[str, Any] = body if isinstance(body, dict) else {}
    error_type = _text(detail.get("type"))
    return Complaint(
        status=_STATUS_OF_TYPE.get(error_type or "", 500),
        error_type=error_type,
        code=_code(detail),
        message=_text(detail.get("message")) or "",
        request_id=_text(event.get("request_id")) or request_id,
    )


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long the provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.

    None where it says nothing that can be understood; never negative.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return max(0.0, seconds)
    return _seconds_until(value, now)


def _from_response(error: anthropic.APIStatusError, now: datetime) -> Complaint:
    headers = error.response.headers
    return Complaint(
        status=error.status_code,
        error_type=error.type,
        code=error.error_code,
        message=error.api_message if isinstance(error.api_message, str) else "",
        request_id=error.request_id,
        retry_after_s=retry_after_s(headers, now),
        should_retry={"true": True, "false": False}.get(headers.get("x-should-retry", "")),
    )


def _kind_of(error: Exception) -> type[ClaudeError]:
    if isinstance(error, (TypeError, ValueError)) and not isinstance(error, _BROKEN):
        return InvalidRequest  # the SDK could not even put it into words
    if isinstance(error, anthropic.CredentialsError):
        return NotAuthorised
    if isinstance(error, _TIMEOUTS):
        return TimedOut
    if isinstance(error, _BROKEN):
        return BrokenStream
    return ConnectionFailed


def _was_never_sent(error: BaseException) -> bool:
    """Certain that nothing was sent. The transport maps both "no connection" and "the server hung up"
    to `ConnectError`, so what caused it decides."""
    return any(isinstance(e, (*_NEVER_SENT, TypeError, ValueError)) for e in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__


def _describe(error: Exception) -> str:
    innermost = list(_causes(error))[-1]
    text = _plain(str(innermost)) or _plain(str(error))
    return f"{type(innermost).__name__}: {text}" if text else type(innermost).__name__


def _plain(message: str) -> str:
    """The provider's words, short and without anything that looks like a key."""
    return _KEY.sub(r"\1-…", " ".join(message.split()))[:MAX_MESSAGE_CHARS]


def _figures(message: str) -> tuple[int | None, int | None]:
    found = _TOO_LONG_FIGURES.search(message)
    if not found:
        return None, None
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


def _code(detail: Mapping[str, Any]) -> str | None:
    details = detail.get("details")
    return _text(details.get("error_code")) if isinstance(details, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_until(value: str | None, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())
