"""Passages from the page to the simulators' controls and the bot's pages: one origin for the browser.

The page so sees what the simulators let see, and cannot show what a platform would not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import web

MAX_ANSWER_S: Final = 70.0
"""Longer than a long poll of the simulators."""

_PASSED_ON = ("Content-Type",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Where requests below a prefix go: to an address, with these headers; only to paths that begin so."""

    to: Callable[[], str | None]
    paths: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "DELETE")


class Passages:
    """Passes requests on. Close it at the end."""

    def __init__(self, passages: Mapping[str, Passage]) -> None:
        self._passages = passages
        self._http: aiohttp.ClientSession | None = None

    def routes(self) -> list[web.RouteDef]:
        """All passages, as `/via/NAME/…`."""
        return [web.route("*", "/via/{name}/{path:.+}", self.pass_on)]

    async def start(self) -> None:
        """Get ready."""
        timeout = aiohttp.ClientTimeout(total=MAX_ANSWER_S)
        self._http = aiohttp.ClientSession(timeout=timeout, auto_decompress=True)

    async def stop(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.close()

    async def pass_on(self, request: web.Request) -> web.Response:
        """The answer from the other end; 404 for a path that is none of the page's business, 502 while
        nobody is there."""
        passage = self._passages.get(request.match_info["name"])
        path = request.match_info["path"]
        if passage is None or not path.startswith(passage.paths) or ".." in path:
            raise web.HTTPNotFound
        if request.method not in passage.methods:
            raise web.HTTPMethodNotAllowed(request.method, passage.methods)
        address = passage.to()
        if address is None or self._http is None:
            return _nobody()
        try:
            return await self._asked(self._http, request, f"{address}/{path}", passage.headers)
        except (aiohttp.ClientError, TimeoutError):
            return _nobody()

    async def _asked(
        self,
        http: aiohttp.ClientSession,
        request: web.Request,
        url: str,
        headers: Mapping[str, str],
    ) -> web.Response:
        async with http.request(
            request.method,
            url,
            params=request.query,
            data=await request.read() or None,
            headers={"Content-Type": "application/json", **headers},
            allow_redirects=False,
        ) as answer:
            passed = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=passed)


def _nobody() -> web.Response:
    return web.json_response(
        {"error": {"message": "nobody is there just now"}}, status=HTTPStatus.BAD_GATEWAY
    )
