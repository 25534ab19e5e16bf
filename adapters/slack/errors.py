"""What goes wrong at Slack, translated once into the ports' own errors.

Error strings: https://docs.slack.dev/reference/methods, each method's page.
"""

import json
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.ports import (
    MessageGone,
    PlatformBusy,
    PlatformError,
    PlatformUnavailable,
    ThreadGone,
)

LONGEST_RETRY_S: Final = 3600.0
UNSAID_RETRY_S: Final = 5.0

_GONE_FOR_GOOD = frozenset(
    {
        "access_denied",
        "cannot_dm_bot",
        "cannot_reply_to_message",
        "channel_is_limited_access",
        "channel_not_found",
        "ekm_access_denied",
        "invalid_auth",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "team_not_found",
        "user_not_found",
        "user_not_visible",
    }
)
_TOKEN_LOST = frozenset({"account_inactive", "token_expired", "token_revoked"})
_MESSAGE_GONE = frozenset({"cant_update_message", "edit_window_closed", "message_not_found"})
_NOT_STREAMING = frozenset({"message_not_in_streaming_state", "stopped_by_user"})
_STREAMING = frozenset({"streaming_state_conflict"})
_AWAY = frozenset(
    {
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)


class Refused(PlatformError):
    """Slack refuses what was asked, and would refuse it again; `code` is its error string."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class NotStreaming(Refused):
    """The message is not being streamed any more: its stream has ended, or was stopped."""


class StillStreaming(Refused):
    """The message is being streamed, and can be changed in no other way until that has ended."""


class TokenLost(ThreadGone):
    """The app was taken out of the workspace, or its token revoked."""


def translated(error: Exception, method: str) -> PlatformError:
    """The port's own error for what a call of `method` raised."""
    if isinstance(error, SlackApiError):
        return _of_response(error, method)
    if isinstance(error, aiohttp.ClientError | TimeoutError | OSError | json.JSONDecodeError):
        return PlatformUnavailable(f"{method}: {type(error).__name__}: {error}")
    if isinstance(error, SlackClientError):
        return Refused(f"{method}: {error}", code="client_error")
    return PlatformUnavailable(f"{method}: {type(error).__name__}")


def of_status(status: int, method: str) -> PlatformError:
    """The port's own error for an HTTP status where there is no answer to read."""
    if status == 429:
        return PlatformBusy(f"{method}: asked to wait", retry_after_s=UNSAID_RETRY_S)
    if status >= 500:
        return PlatformUnavailable(f"{method}: status {status}")
    return Refused(f"{method}: status {status}", code=f"status_{status}")


def _of_response(error: SlackApiError, method: str) -> PlatformError:
    response: Any = error.response
    status = getattr(response, "status_code", None)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        wait_s = _retry_after_s(getattr(response, "headers", {}))
        return PlatformBusy(f"{method}: asked to wait {wait_s:g} s", retry_after_s=wait_s)
    if not code:
        return PlatformUnavailable(f"{method}: status {status}, and no answer to read")
    return _of_code(code, method, data if isinstance(data, dict) else {})


def _of_code(code: str, method: str, data: dict[str, Any]) -> PlatformError:
    message = f"{method}: {code}"
    if code in _AWAY:
        return PlatformUnavailable(message)
    if code in _TOKEN_LOST:
        return TokenLost(message)
    if code in _GONE_FOR_GOOD:
        return ThreadGone(message)
    if code in _MESSAGE_GONE:
        return MessageGone(message)
    if code in _NOT_STREAMING:
        return NotStreaming(message, code=code)
    if code in _STREAMING:
        return StillStreaming(message, code=code)
    if code == "missing_scope":
        needed = data.get("needed") or "a scope it does not have"
        remedy = f"add {needed} under OAuth & Permissions of the app and install it again"
        return Refused(f"{message}: {remedy}", code=code)
    details = "; ".join(str(each) for each in data.get("errors") or [])
    return Refused(f"{message}: {details}" if details else message, code=code)


def _retry_after_s(headers: Any) -> float:
    try:
        return min(max(float(headers.get("Retry-After", UNSAID_RETRY_S)), 0.0), LONGEST_RETRY_S)
    except (TypeError, ValueError):
        return UNSAID_RETRY_S
