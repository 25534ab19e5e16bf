"""Carries the SDK's requests over aiohttp, and reads streams in lumps.

A provider sends an event per word or so, each in a packet of its own, and every packet that wakes the
event loop costs more than decoding what is in it. So between two reads of an event stream the
connection is paused for a moment, and the kernel gathers what comes meanwhile. Figures are in
`docs/benchmarks.md`.

The SDK's own aiohttp transport reads every packet as it comes, and can't be told otherwise.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator

import aiohttp
import httpx2

LUMP_S = 0.2
"""How long a stream gathers at most. Platforms take an edit a second or so; five look fluent."""

LUMP_GROWTH_S = 0.02
"""How much longer it gathers after each read, so that the first words are not kept waiting."""

KEEP_ALIVE_S = 30.0
"""A conversation at a human pace keeps its connection; the SDK's 5 s would not."""


_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """For one event loop and one provider; opens its session with the first request. A proxy is taken
    from the usual environment variables."""

    def __init__(self, *, max_connections: int) -> None:
        self._max_connections = max_connections
        self._certificates = _certificates()
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; returns when the headers of the response are there.

        Raises what aiohttp raises, which the SDK wraps.
        """
        timeout = request.extensions.get("timeout", {})
        response = await self._open_session(request.url.host).request(
            request.method,
            str(request.url),
            headers=request.headers.multi_items(),
            data=request.content or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                connect=timeout.get("pool"),
                sock_connect=timeout.get("connect"),
                sock_read=timeout.get("read"),
            ),
        )
        return httpx2.Response(
            status_code=response.status,
            headers=list(response.raw_headers),
            stream=_Body(response),
            request=request,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self, host: str) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._max_connections,
                    keepalive_timeout=KEEP_ALIVE_S,
                    ssl=self._certificates,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=host not in _LOOPBACK,  # a simulator is not behind a proxy
                auto_decompress=False,  # httpx2 does it
            )
        return self._session


@functools.cache  # reading them takes some 30 ms
def _certificates() -> ssl.SSLContext:
    """Whom to trust: the same as the SDK's own transports."""
    return httpx2.create_ssl_context()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._lump_s = 0.0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        in_lumps = self._response.content_type == "text/event-stream"
        while chunk := await self._response.content.readany():
            yield chunk
            if in_lumps:
                await self._gather()

    async def aclose(self) -> None:
        # What is not read to its end can't be used again: its connection is closed.
        self._response.release()

    async def _gather(self) -> None:
        """Let more come before it is read. A response that is complete has no connection any more."""
        self._lump_s = min(LUMP_S, self._lump_s + LUMP_GROWTH_S)
        connection = self._response.connection
        transport = connection.transport if connection is not None else None
        if not isinstance(transport, asyncio.ReadTransport):
            return
        transport.pause_reading()
        try:
            await asyncio.sleep(self._lump_s)
        finally:
            if not transport.is_closing():
                transport.resume_reading()
