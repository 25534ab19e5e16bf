"""Who may see the operators' pages: whoever has the token, or, where none is set, this machine alone."""

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from bot.vocabulary import Clock

COOKIE: Final = "parley_session"
CSRF_HEADER: Final = "X-Parley-Csrf"
SESSION: Final = timedelta(hours=12)
FAILURES: Final = 10
"""So many wrong tokens are heard in a `FAILURE_PERIOD_S`; then nobody is asked for a while."""
FAILURE_PERIOD_S: Final = 60.0

LOCAL_ONLY = (
    "These pages are shown to this machine alone, at http://localhost or http://127.0.0.1. "
    "To open them from elsewhere, set PARLEY_WEB_TOKEN to a long random text and start again."
)
TOKEN_WANTED = "These pages need the operators' token."  # noqa: S105 - a sentence
NOT_OURS = "This request did not come from these pages."

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "Via")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access:
    """Decides for each request; wraps handlers so that none is reached without it.

    With a token: a cookie that signing in gave, or `Authorization: Bearer`. Without one: a connection
    from this machine that also asks for it by a local name, since a page from elsewhere can have its own
    name point here (DNS rebinding). What changes something needs a header as well, which only these
    pages can know.
    """

    def __init__(self, *, token: str | None, clock: Clock) -> None:
        self._token = token
        self._clock = clock
        self._key = (token or secrets.token_urlsafe(32)).encode()
        self._failed_at: list[float] = []

    @property
    def by_token(self) -> bool:
        """Whether a token is asked for."""
        return self._token is not None

    def shown_to(self, request: web.Request) -> bool:
        """Whether even the empty pages may be fetched: a form to sign in needs no token."""
        return self.by_token or _is_local(request)

    def refusal(self, request: web.Request) -> tuple[HTTPStatus, str] | None:
        """Why the request is not let through; None if it is."""
        if not self.shown_to(request):
            return HTTPStatus.FORBIDDEN, LOCAL_ONLY
        if self.by_token and not (self._bears_token(request) or self._session(request)):
            return HTTPStatus.UNAUTHORIZED, TOKEN_WANTED
        if request.method not in ("GET", "HEAD") and not self._is_ours(request):
            return HTTPStatus.FORBIDDEN, NOT_OURS
        return None

    def guarded(self, handler: Handler) -> Handler:
        """The handler behind this door."""

        async def let_in(request: web.Request) -> web.StreamResponse:
            refused = self.refusal(request)
            if refused is not None:
                status, why = refused
                return web.json_response({"why": why}, status=status)
            return await handler(request)

        return let_in

    def csrf(self, request: web.Request) -> str:
        """What the header must say for a request that changes something."""
        return self._signed(f"csrf|{request.cookies.get(COOKIE, '')}")

    async def sign_in(self, request: web.Request) -> web.Response:
        """Take the token from `{"token": …}` and give a session's cookie for it."""
        if self._too_many_failures():
            why = "Too many wrong tokens; try again in a minute."
            return web.json_response({"why": why}, status=HTTPStatus.TOO_MANY_REQUESTS)
        if not self.by_token or not _same_origin(request):
            return web.json_response({"why": NOT_OURS}, status=HTTPStatus.FORBIDDEN)
        if not _equal(await _given_token(request), self._token or ""):
            self._failed_at.append(self._clock.monotonic())
            why = "That is not the token."
            return web.json_response({"why": why}, status=HTTPStatus.UNAUTHORIZED)
        response = web.json_response({})
        until = int((self._clock.now() + SESSION).timestamp())
        response.set_cookie(
            COOKIE,
            f"{until}.{self._signed(f'session|{until}')}",
            max_age=int(SESSION.total_seconds()),
            path="/dashboard",
            httponly=True,
            samesite="Strict",
            secure=_is_encrypted(request),
        )
        return response

    def _too_many_failures(self) -> bool:
        since = self._clock.monotonic() - FAILURE_PERIOD_S
        self._failed_at = [at for at in self._failed_at if at > since]
        return len(self._failed_at) >= FAILURES

    def _bears_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _equal(given.strip(), self._token or "")

    def _session(self, request: web.Request) -> bool:
        until, _, signature = request.cookies.get(COOKIE, "").partition(".")
        if not until.isdecimal() or not _equal(signature, self._signed(f"session|{until}")):
            return False
        return int(until) > self._clock.now().timestamp()

    def _is_ours(self, request: web.Request) -> bool:
        """A browser sends the token's header for nobody, so whoever bears it is no foreign page."""
        if self.by_token and self._bears_token(request):
            return True
        given = request.headers.get(CSRF_HEADER, "")
        return _same_origin(request) and _equal(given, self.csrf(request))

    def _signed(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()


async def _given_token(request: web.Request) -> str:
    try:
        given = await request.json()
    except ValueError:
        return ""
    token = given.get("token") if isinstance(given, dict) else None
    return token if isinstance(token, str) else ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _is_local(request: web.Request) -> bool:
    """From this machine, by a local name, and not on behalf of somebody else."""
    if any(header in request.headers for header in _PROXIED):
        return False
    try:
        from_here = ipaddress.ip_address(request.remote or "").is_loopback
        name = urlsplit(f"//{request.host}").hostname
    except ValueError:
        return False
    return from_here and name in _LOCAL_NAMES


def _same_origin(request: web.Request) -> bool:
    """Whether the page that asks, if it is one, is ours."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _is_encrypted(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"
