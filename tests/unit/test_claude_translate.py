"""Every way a request can fail, as the error it amounts to."""

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest

from bot.claude import errors
from bot.claude.errors import ClaudeError, Follows
from bot.claude.translate import retry_after_s, translate

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REQUEST = httpx2.Request("POST", "https://api.example/v1/messages")


def status_error(
    status: int,
    error_type: str = "api_error",
    message: str = "no",
    code: str | None = None,
    **headers: str,
) -> anthropic.APIStatusError:
    """What the SDK raises for a response with that status."""
    detail: dict[str, Any] = {"type": error_type, "message": message}
    if code:
        detail["details"] = {"error_code": code}
    response = httpx2.Response(
        status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        request=REQUEST,
    )
    return anthropic.APIStatusError(
        "no", response=response, body={"type": "error", "error": detail}
    )


def translated(error: Exception) -> ClaudeError:
    """The error as this project knows it."""
    return translate(error, model="m", now=NOW)


@pytest.mark.parametrize(
    ("status", "expected", "follows"),
    [
        (400, errors.InvalidRequest, Follows.GIVE_UP),
        (401, errors.NotAuthorised, Follows.GIVE_UP),
        (402, errors.SpendLimitReached, Follows.GIVE_UP),
        (403, errors.NotAuthorised, Follows.GIVE_UP),
        (404, errors.ModelNotFound, Follows.NEXT_MODEL),
        (408, errors.TimedOut, Follows.RETRY),
        (409, errors.ProviderFailed, Follows.RETRY),
        (412, errors.InvalidRequest, Follows.GIVE_UP),
        (413, errors.RequestTooLarge, Follows.GIVE_UP),
        (422, errors.InvalidRequest, Follows.GIVE_UP),
        (429, errors.RateLimited, Follows.RETRY),
        (431, errors.InvalidRequest, Follows.GIVE_UP),
        (500, errors.ProviderFailed, Follows.RETRY),
        (501, errors.ProviderFailed, Follows.RETRY),
        (502, errors.ProviderFailed, Follows.RETRY),
        (503, errors.ProviderFailed, Follows.RETRY),
        (504, errors.TimedOut, Follows.RETRY),
        (529, errors.Overloaded, Follows.RETRY),
    ],
)
def test_every_status_has_a_kind_and_a_consequence(
    status: int, expected: type[ClaudeError], follows: Follows
) -> None:
    """A status says whether to try again, to ask another model, or to give up."""
    error = translated(status_error(status))
    assert type(error) is expected
    assert error.follows is follows
    assert error.status == status
    assert not error.worked_on


@pytest.mark.parametrize(
    "error",
    [
        status_error(429, "rate_limit_error", code="enforced_spend_limit_reached"),
        status_error(429, "rate_limit_error", code="contract_spend_limit_reached"),
        status_error(402, "billing_error", code="linked_organization_spend_limit_reached"),
        status_error(
            400, "invalid_request_error", "Your credit balance is too low to access the API."
        ),
        status_error(
            400,
            "invalid_request_error",
            "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
        ),
        status_error(403, "billing_error"),
    ],
)
def test_money_is_final_however_it_is_said(error: anthropic.APIStatusError) -> None:
    """A spend limit looks like a rate limit or a bad request, but waiting doesn't help."""
    spent = translated(error)
    assert isinstance(spent, errors.SpendLimitReached)
    assert spent.follows is Follows.GIVE_UP


def test_a_ramp_limit_is_a_rate_limit() -> None:
    """Growing too fast passes, unlike a spend limit."""
    error = translated(status_error(429, code="ramp_limit_exceeded", retry_after="3"))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after_s == 3


@pytest.mark.parametrize(
    ("message", "figures"),
    [
        ("prompt is too long: 208310 tokens > 200000 maximum", (208310, 200000)),
        (
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
            (188240, 200000),
        ),
        ("Prompt is too long", (None, None)),
    ],
)
def test_a_prompt_that_is_too_long_is_told_apart(
    message: str, figures: tuple[int | None, int | None]
) -> None:
    """It can be shortened, unlike other invalid requests."""
    error = translated(status_error(400, "invalid_request_error", message))
    assert isinstance(error, errors.ContextTooLong)
    assert (error.prompt_tokens, error.max_prompt_tokens) == figures


@pytest.mark.parametrize(
    ("should_retry", "status", "follows"),
    [
        ("false", 500, Follows.NEXT_MODEL),
        ("true", 500, Follows.RETRY),
        ("true", 400, Follows.RETRY),
        ("false", 400, Follows.GIVE_UP),
        ("true", 402, Follows.GIVE_UP),
    ],
)
def test_x_should_retry_is_obeyed(should_retry: str, status: int, follows: Follows) -> None:
    """The provider knows best, except that it can't make money reappear."""
    assert translated(status_error(status, x_should_retry=should_retry)).follows is follows


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90.0),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=90), usegmt=True)}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], expected: float | None) -> None:
    """Milliseconds, seconds or a date; nonsense is nothing."""
    assert retry_after_s(headers, NOW) == expected


def caused(error: Exception, cause: Exception) -> Exception:
    """`error` as if raised from `cause`."""
    error.__cause__ = cause
    return error


KEY = aiohttp.client_reqrep.ConnectionKey("h", 1, True, True, None, None, None)
NO_ROUTE = aiohttp.ClientConnectorError(KEY, OSError("no route"))


@pytest.mark.parametrize(
    ("error", "expected", "reached"),
    [
        (
            caused(anthropic.APIConnectionError(request=REQUEST), NO_ROUTE),
            "ConnectionFailed",
            False,
        ),
        (
            caused(
                anthropic.APIConnectionError(request=REQUEST), aiohttp.ServerDisconnectedError()
            ),
            "ConnectionFailed",
            True,
        ),
        (httpx2.ConnectTimeout("x"), "TimedOut", False),
        (httpx2.PoolTimeout("x"), "TimedOut", False),
        (httpx2.ReadTimeout("x"), "TimedOut", True),
        (httpx2.ReadError("x"), "ConnectionFailed", True),
        (httpx2.RemoteProtocolError("x"), "BrokenStream", True),
        (aiohttp.ClientPayloadError("x"), "ConnectionFailed", True),
        (aiohttp.SocketTimeoutError("x"), "TimedOut", True),
        (ConnectionResetError("x"), "ConnectionFailed", True),
        (ssl.SSLError("x"), "ConnectionFailed", True),
        (RuntimeError("session is closed"), "ConnectionFailed", True),
        (anthropic.APITimeoutError(request=REQUEST), "TimedOut", True),
        (TypeError("not JSON"), "InvalidRequest", False),
        (anthropic.CredentialsError("x"), "NotAuthorised", False),
    ],
)
def test_transport_errors_are_typed_and_say_whether_the_request_left(
    error: Exception, expected: str, reached: bool
) -> None:
    """What may have reached the provider may be charged for; what can't have, can't."""
    typed = translated(error)
    assert type(typed).__name__ == expected
    assert typed.reached_provider is reached
    assert typed.worked_on is reached


def test_no_key_is_quoted() -> None:
    """The provider may quote the key it was given; we don't."""
    error = translated(
        status_error(401, message="bad key sk-ant-api03-SECRET_x and Bearer SECRET_y")
    )
    assert "SECRET" not in str(error)


def test_a_message_is_short() -> None:
    """Whatever the provider says fits into a log line."""
    assert len(str(translated(status_error(400, message="long " * 10_000)))) <= 500


def test_a_claude_error_stays_itself() -> None:
    """Translating twice changes nothing."""
    error = errors.Overloaded()
    assert translated(error) is error


def test_an_error_without_words_says_what_it_is() -> None:
    """Every error has a message, even one made without."""
    assert str(errors.Overloaded()) == "The provider is overloaded."
