"""Who may use the page: somebody at this machine, from the page itself.

What it does is harmless to others but not to this machine: it starts and kills processes. A page from
elsewhere can have its own name point here (DNS rebinding), or post a form to a local address; neither is
let in.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def door(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Let in who may come."""
    if urlsplit(f"//{request.host}").hostname not in _LOCAL_NAMES or _is_foreign(request):
        return web.Response(
            status=HTTPStatus.FORBIDDEN, text="This page is for this machine alone."
        )
    return await handler(request)


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Allow the page nothing but itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _is_foreign(request: web.Request) -> bool:
    """Asked by another page. Browsers say so in one of these headers, or in both
    (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site)."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return True
    site = request.headers.get("Sec-Fetch-Site", "none")
    return request.method not in ("GET", "HEAD") and site not in ("same-origin", "none")
