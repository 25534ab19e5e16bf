"""A server that runs elsewhere: streamable HTTP, within limits."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

MAX_MESSAGE_BYTES = 8_000_000
CONNECT_S = 10.0
SILENCE_S = 300.0
"""A server may hold a stream open for so long without a word; calls have their own, shorter limits."""


@asynccontextmanager
async def http_streams(url: str, *, headers: Mapping[str, str]) -> AsyncIterator[tuple[Any, Any]]:
    """The streams of a server, as the library takes them."""
    client = httpx2.AsyncClient(
        headers=dict(headers),
        timeout=httpx2.Timeout(CONNECT_S, read=SILENCE_S),
        event_hooks={"response": [_bound]},
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        yield await stack.enter_async_context(
            streamable_http_client(url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES)
        )


async def _bound(response: httpx2.Response) -> None:
    """Event streams go on and on, each event having its limit; anything else has one as a whole."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        assert isinstance(response.stream, httpx2.AsyncByteStream), "the client is asynchronous"
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_MESSAGE_BYTES:
                raise httpx2.RemoteProtocolError("the response is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
