"""Events over HTTP: signed requests to the app's address.

https://docs.slack.dev/apis/events-api/using-http-request-urls and
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.vocabulary import Clock
from sandbox.slack.envelopes import Attempt, Envelope, EnvelopeKind
from sandbox.slack.ids import Ids
from sandbox.slack.world import App
from sandbox.wire import to_json

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


class HttpPush:
    """A way to the app: POST to `url`."""

    def __init__(self, *, clock: Clock, ids: Ids, app: App, url: str) -> None:
        self._clock = clock
        self._ids = ids
        self._app = app
        self.url = url
        self._withheld = 0
        self._forged = 0

    async def attempt(
        self, envelope: Envelope, *, number: int, reason: str, within_s: float
    ) -> Attempt:
        """POST an envelope; it is acknowledged by a status of 2xx in time."""
        body, media_type = _body_of(envelope)
        headers = self._signed(body) | {"Content-Type": media_type}
        if number > 0:
            headers |= {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        try:
            status, answered_headers, answered = await self._post(body, headers, within_s)
        except TimeoutError:
            return Attempt("http_timeout")
        except aiohttp.ClientError:
            return Attempt("connection_failed")
        if self._withheld > 0:
            self._withheld -= 1
            return Attempt("http_timeout")
        if not 200 <= status < 300:
            no_retry = answered_headers.get("X-Slack-No-Retry") == "1"
            return Attempt("http_error", final=no_retry)
        return Attempt(answer=_answer_in(answered))

    async def verify(self, *, within_s: float) -> bool:
        """Send the challenge of `url_verification`; whether it came back."""
        challenge = self._ids.secret()
        body = to_json(
            {
                "token": self._app.verification_token,
                "challenge": challenge,
                "type": "url_verification",
            }
        ).encode()
        headers = self._signed(body) | {"Content-Type": _JSON}
        try:
            status, _, answered = await self._post(body, headers, within_s)
        except (TimeoutError, aiohttp.ClientError):
            return False
        return status == 200 and challenge in answered

    def withhold_acks(self, times: int = 1) -> None:
        """Act as if the next answers had not arrived."""
        self._withheld = times

    def forge(self, times: int = 1) -> None:
        """Sign the next requests wrongly, as somebody else would."""
        self._forged = times

    async def _post(
        self, body: bytes, headers: Mapping[str, str], within_s: float
    ) -> tuple[int, Mapping[str, str], str]:
        timeout = aiohttp.ClientTimeout(total=within_s)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self.url, data=body, headers=headers) as response,
        ):
            return response.status, response.headers, await response.text()

    def _signed(self, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now().timestamp()))
        secret = self._app.signing_secret
        if self._forged > 0:
            self._forged -= 1
            secret = "somebody else's"  # noqa: S105 - deliberately wrong
        base = f"v0:{timestamp}:".encode() + body
        digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
        return {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest}",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }


def _body_of(envelope: Envelope) -> tuple[bytes, str]:
    if envelope.kind is EnvelopeKind.EVENT:
        return to_json(envelope.payload).encode(), _JSON
    if envelope.kind is EnvelopeKind.INTERACTION:
        return urlencode({"payload": to_json(envelope.payload)}).encode(), _FORM
    return urlencode(dict(envelope.payload)).encode(), _FORM


def _answer_in(text: str) -> Mapping[str, Any] | None:
    if not text.strip():
        return None
    try:
        answer = json.loads(text)
    except ValueError:
        return {"text": text}
    return answer if isinstance(answer, dict) else None
