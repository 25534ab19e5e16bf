"""Bolt at the front: it checks signatures, reads bodies and speaks Socket Mode; the inlet does the rest.

Bolt acknowledges before a listener's body has run. So everything is taken in by a middleware: only when
that returns is there anything that Bolt could acknowledge.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from adapters.slack.inlet import Inlet

_logger = logging.getLogger("slack_bolt.parley")
_JSON: Final[dict[str, str | Sequence[str]]] = {"content-type": "application/json"}


class _TakeIn(AsyncMiddleware):
    """The middleware that takes everything in, and lets nothing past."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - the name is Bolt's
    ) -> BoltResponse:
        answer = await self._inlet.take(req.body)
        if not answer.body:
            return BoltResponse(status=answer.status, body="")
        return BoltResponse(status=answer.status, body=json.dumps(answer.body), headers=_JSON)


def bolt_app(
    *,
    inlet: Inlet,
    token: str | None,
    signing_secret: str | None,
    oauth_flow: AsyncOAuthFlow | None,
) -> AsyncApp:
    """The app that requests and envelopes are given to."""
    return AsyncApp(
        name="parley",
        logger=_logger,
        token=None if oauth_flow is not None else token,
        signing_secret=signing_secret or "",
        oauth_flow=oauth_flow,
        before_authorize=_TakeIn(inlet),
        url_verification_enabled=False,
    )
