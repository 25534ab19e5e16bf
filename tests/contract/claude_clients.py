"""The real SDK, pointed at the simulated Claude, over both of its transports."""

import functools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2

from sandbox.claude import SimulatedClaude

MODEL = "claude-sonnet-5-5"
_TRANSPORTS = {
    "httpx": anthropic.DefaultAsyncHttpxClient,
    "aiohttp": anthropic.DefaultAioHttpClient,
}
TRANSPORTS = tuple(_TRANSPORTS)


@asynccontextmanager
async def sdk_client(
    claude: SimulatedClaude, *, transport: str = "aiohttp", api_key: str = "sk-ant-simulated"
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """An SDK client that tries once, so that a test sees each failure."""
    make = _TRANSPORTS[transport]
    async with anthropic.AsyncAnthropic(
        api_key=api_key,
        base_url=claude.base_url,
        max_retries=0,
        http_client=make(verify=_certificates()),
    ) as client:
        yield client


@functools.cache  # reading them takes some 30 ms, for each client
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def question(text: str = "What is a lease?", **changes: Any) -> dict[str, Any]:
    """The arguments of a small request, with changes."""
    return {
        "model": MODEL,
        "max_tokens": 1_000,
        "messages": [{"role": "user", "content": text}],
        **changes,
    }


def text_of(message: Any) -> str:
    """All text of a message the SDK returned."""
    return "".join(block.text for block in message.content if block.type == "text")
