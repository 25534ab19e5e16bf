"""The real SDK, pointed at the simulated Claude, over both of its transports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic

from sandbox.claude import SimulatedClaude

MODEL = "claude-sonnet-5-5"
TRANSPORTS = ("httpx", "aiohttp")


@asynccontextmanager
async def sdk_client(
    claude: SimulatedClaude, *, transport: str = "aiohttp", api_key: str = "sk-ant-simulated"
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """An SDK client that tries once, so that a test sees each failure."""
    http_client = anthropic.DefaultAioHttpClient() if transport == "aiohttp" else None
    async with anthropic.AsyncAnthropic(
        api_key=api_key, base_url=claude.base_url, max_retries=0, http_client=http_client
    ) as client:
        yield client


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
