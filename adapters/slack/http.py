"""HTTP: what Slack posts in HTTP mode, and the two pages of an installation.

Bolt checks the signature and that a request is no older than five minutes
(https://docs.slack.dev/authentication/verifying-requests-from-slack).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

MAX_BODY_BYTES: Final = 1024 * 1024
_UNREADABLE: Final = (AttributeError, RecursionError, TypeError, ValueError)
"""What Bolt raises where a body is no JSON object and no form; it reads before it checks."""

PATHS: Final = ("/slack/events", "/slack/interactive", "/slack/commands")
INSTALL_PATH: Final = "/slack/install"
REDIRECT_PATH: Final = "/slack/oauth_redirect"


class HttpFront:
    """The routes; they answer once `open` has been called."""

    def __init__(self, *, takes_events: bool, installs: bool) -> None:
        self._takes_events = takes_events
        self._installs = installs
        self._app: AsyncApp | None = None

    def open(self, app: AsyncApp) -> None:
        """Answer from now on."""
        self._app = app

    def close(self) -> None:
        """Answer no more."""
        self._app = None

    def routes(self) -> Sequence[web.RouteDef]:
        """For the service's web server."""
        events = [web.post(path, self._events) for path in PATHS if self._takes_events]
        if not self._installs:
            return events
        return [
            *events,
            web.get(INSTALL_PATH, self._install),
            web.get(REDIRECT_PATH, self._redirect),
        ]

    async def _events(self, request: web.Request) -> web.Response:
        app = self._app
        if app is None:
            return web.Response(status=503)
        if request.content_length is None or request.content_length > MAX_BODY_BYTES:
            return web.Response(status=413)
        try:
            asked = AsyncBoltRequest(body=await request.text(), headers=_headers(request))
        except _UNREADABLE:
            return web.Response(status=400)
        return await to_aiohttp_response(await app.async_dispatch(asked))

    async def _install(self, request: web.Request) -> web.Response:
        return await self._page(request, AsyncOAuthFlow.handle_installation)

    async def _redirect(self, request: web.Request) -> web.Response:
        return await self._page(request, AsyncOAuthFlow.handle_callback)

    async def _page(
        self,
        request: web.Request,
        page: Callable[[AsyncOAuthFlow, AsyncBoltRequest], Awaitable[BoltResponse]],
    ) -> web.Response:
        flow = self._app.oauth_flow if self._app is not None else None
        if flow is None:
            return web.Response(status=503)
        asked = AsyncBoltRequest(body="", query=request.query_string, headers=_headers(request))
        return await to_aiohttp_response(await page(flow, asked))


def _headers(request: web.Request) -> dict[str, str | Sequence[str]]:
    return dict(request.headers)
