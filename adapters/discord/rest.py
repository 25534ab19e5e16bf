"""Requests to Discord: one attempt each, in time, and with the port's own errors.

The SDK's client waits out every 429 and tries five times; how long to wait and whether to try again is
the engine's affair. So requests are made here, along the SDK's own routes, and this is the one place
that knows where Discord is.
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import aiohttp
import structlog
from discord import __version__ as sdk_version
from discord.http import DiscordClientWebSocketResponse, Route  # type: ignore[attr-defined]

from adapters.discord.errors import Forbidden, error_of, refusal_of
from adapters.discord.pacing import Bucket, Limits, Urgency
from adapters.discord.throttle import GLOBAL_PER_S
from bot.ports import OutgoingFile, PlatformBusy, PlatformError, PlatformUnavailable
from bot.vocabulary import Clock, Newest

log = structlog.get_logger(__name__)

PUBLIC_API: Final = "https://discord.com/api/v10"
ANSWER_S: Final = 9.0
"""A little less than the engine waits for a verb."""
UPLOAD_S: Final = 60.0
MAX_CONNECTIONS: Final = 100
BANNED_FOR_S: Final = 600.0
"""Where Cloudflare does not say how long."""
MAX_TOLD: Final = 1_000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    where: Mapping[str, str]
    body: Mapping[str, Any] | Sequence[Any] | None = None
    files: Sequence[OutgoingFile] = ()
    query: Mapping[str, str] | None = None

    def __str__(self) -> str:
        """The path as a pattern: it may hold a token otherwise."""
        return f"{self.method} {self.path}"

    @property
    def counts_globally(self) -> bool:
        """Interactions have no part in the limit for all (…/receiving-and-responding#endpoints)."""
        return not self.path.startswith(("/webhooks/", "/interactions/"))

    def url(self, api_url: str) -> str:
        """Where it goes."""
        where = {name: quote(value, safe="@") for name, value in self.where.items()}
        return api_url + self.path.format_map(where)


class Rest:
    """Asks Discord. It may be used without a gateway connection, and by any replica."""

    def __init__(
        self,
        *,
        token: str,
        clock: Clock,
        api_url: str = PUBLIC_API,
        requests_per_s: int = GLOBAL_PER_S,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self.limits = Limits(clock, per_s=requests_per_s)
        self._token = token
        self._session: aiohttp.ClientSession | None = None
        self._told = Newest[tuple[str, int], None](MAX_TOLD)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections, for the gateway too; opened when they are first used."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                ws_response_class=DiscordClientWebSocketResponse,
                headers={"User-Agent": user_agent()},
            )
        return self._session

    @property
    def host(self) -> str:
        """Where Discord is, with its port."""
        return urlsplit(self.api_url).netloc

    async def get(self, path: str, *, urgency: Urgency = Urgency.NEEDED, **where: str) -> Any:
        """Read something, such as `/channels/{channel_id}`, with `where` in place of the braces."""
        return await self._answer(_Request("GET", path, where), urgency)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        files: Sequence[OutgoingFile] = (),
        query: Mapping[str, str] | None = None,
        urgency: Urgency = Urgency.NEEDED,
        **where: str,
    ) -> Any:
        """Make one request, such as `POST /channels/{channel_id}/messages`; what is answered.

        Raises:
            PlatformBusy: Discord asks to wait, or would.
            PlatformUnavailable: it can't be reached or failed, and may have acted.
            PlatformError: it refused; see `errors`.
        """
        return await self._answer(_Request(method, path, where, body, files, query), urgency)

    async def _answer(self, request: "_Request", urgency: Urgency) -> Any:
        route = Route(request.method, request.path, **request.where)
        bucket = self.limits.bucket(route.key, route.major_parameters)
        await self.limits.admit(bucket, urgency, globally=request.counts_globally)
        try:
            status, headers, content = await self._exchange(request)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            said = f"{request}: no answer ({type(error).__name__}: {error})"
            raise PlatformUnavailable(said) from error
        finally:
            self.limits.answered(bucket, globally=request.counts_globally)
        self.limits.learn(route.key, bucket, headers)
        answered = _parsed(headers, content)
        if status < 300 and not isinstance(answered, str):
            return answered
        if status in (401, 403, 429):
            self.limits.note_invalid()
        if status == 429:
            raise self._busy(headers, answered, bucket, asked=str(request))
        refused = error_of(refusal_of(status, answered), asked=str(request))
        if isinstance(refused, Forbidden) and request.method != "GET":
            self._tell_once(refused, str(route.channel_id or request.where))
        raise refused

    async def _exchange(self, request: "_Request") -> tuple[int, Mapping[str, str], bytes]:
        headers = {"Authorization": f"Bot {self._token}"}
        data: aiohttp.FormData | bytes | None = None
        if request.files:
            data = _form(request.body, request.files)
        elif request.body is not None:
            data = json.dumps(request.body, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        async with (
            asyncio.timeout(UPLOAD_S if request.files else ANSWER_S),
            self.session.request(
                request.method,
                request.url(self.api_url),
                data=data,
                headers=headers,
                params=request.query,
                allow_redirects=False,
            ) as response,
        ):
            return response.status, response.headers, await response.read()

    def _busy(
        self, headers: Mapping[str, str], answered: Any, bucket: Bucket, *, asked: str
    ) -> PlatformBusy:
        """What a 429 means for this bucket, or for everything."""
        if not isinstance(answered, Mapping) or "Via" not in headers:
            wait_s = _seconds(headers.get("Retry-After"), BANNED_FOR_S)
            self.limits.close(wait_s)
            log.error(
                "Cloudflare keeps this address from Discord after too many refused requests; "
                "nothing is asked until then",
                wait_s=wait_s,
            )
            return PlatformBusy(f"{asked}: banned by Cloudflare", retry_after_s=wait_s)
        wait_s = _seconds(answered.get("retry_after"), 1.0)
        everything = bool(answered.get("global"))
        self.limits.close(wait_s, bucket=None if everything else bucket)
        log.warning("Discord asks to wait", asked=asked, wait_s=wait_s, everything=everything)
        return PlatformBusy(f"{asked}: rate limited", retry_after_s=wait_s)

    def _tell_once(self, refused: Forbidden, place: str) -> None:
        """Tell the operator, once for each place, what to do about it."""
        if (place, refused.code) not in self._told:
            log.error("Discord refuses: " + refused.remedy, place=place, code=refused.code)
        self._told[place, refused.code] = None

    async def fetch(self, url: str, *, max_bytes: int) -> bytes:
        """The content of a file of Discord's. The token does not go along.

        Raises:
            PlatformError: it is larger, or can't be had.
        """
        try:
            async with (
                asyncio.timeout(UPLOAD_S),
                self.session.get(url, allow_redirects=False) as response,
            ):
                if response.status >= 500:
                    raise PlatformUnavailable(f"a file: {response.status}")
                if response.status != 200:
                    raise PlatformError(f"a file can't be had: {response.status}")
                return await _at_most(response, max_bytes)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise PlatformUnavailable(f"a file: {type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def user_agent() -> str:
    """As https://discord.com/developers/docs/reference#user-agent asks for it."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"DiscordBot (https://github.com/Rapptz/discord.py {sdk_version}) Python/{python} Parley"


async def _at_most(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        content += chunk
        if len(content) > max_bytes:
            raise PlatformError(f"the file has more than {max_bytes} bytes")
    return bytes(content)


def _form(body: Any, files: Sequence[OutgoingFile]) -> aiohttp.FormData:
    """https://discord.com/developers/docs/reference#uploading-files"""
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps(body or {}), content_type="application/json")
    for index, file in enumerate(files):
        form.add_field(
            f"files[{index}]", file.content, filename=file.name, content_type=file.media_type
        )
    return form


def _parsed(headers: Mapping[str, str], content: bytes) -> Any:
    if not content:
        return None
    if headers.get("Content-Type", "").partition(";")[0] != "application/json":
        return content.decode(errors="replace")
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def _seconds(value: Any, otherwise: float) -> float:
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return otherwise
