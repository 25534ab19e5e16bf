"""A connection to a server, by the official client. The only module that needs it; it is imported late,
since that takes a while."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

import mcp_types
from mcp import Client, MCPError
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp_types import CONNECTION_CLOSED, Implementation, ToolListChangedNotification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import SecretStr

from plugins.mcp.http import http_streams
from plugins.mcp.settings import ServerSettings
from plugins.mcp.stdio import process_streams

MAX_PAGES = 20


class Missing(Exception):
    """An environment variable that the settings name is not set."""


class Refused(Exception):
    """The server did not do what it was asked, and says why."""


class Gone(Exception):
    """The server can't be reached any more."""


class Connection:
    """An open connection."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tools(self) -> Sequence[Any]:
        """All its tools. Raises whatever goes wrong."""
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._client.list_tools(cursor=cursor, cache_mode="bypass")
            found += page.tools
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """What a tool returns, as text, and whether that is an error.

        Raises:
            Refused: the server says that it can't be called so.
            Gone: the connection has ended.
        """
        try:
            result = await self._client.call_tool(tool, dict(arguments))
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                raise Gone from error
            raise Refused(error.message) from error
        return _text(result), result.is_error


@asynccontextmanager
async def connected(
    settings: ServerSettings,
    *,
    on_change: Callable[[], None],
    on_complaint: Callable[[str], None],
) -> AsyncIterator[Connection]:
    """A connection while entered. `on_change` is called when the server's tools are others than before,
    and when the connection may have ended.

    Raises:
        Missing: an environment variable is not set.
        OSError: the command can't be run.
    """

    async def hear(message: object) -> None:
        if isinstance(message, ToolListChangedNotification | Exception):
            on_change()

    client = Client(
        _streams(settings, on_complaint),
        read_timeout_seconds=settings.timeout_s,
        message_handler=hear,
        client_info=Implementation(name="parley", version=version("parley")),
    )
    async with client:
        listening = asyncio.create_task(_listen(client, on_change), name="mcp listens")
        try:
            yield Connection(client)
        finally:
            listening.cancel()
            await asyncio.wait({listening})


def _streams(
    settings: ServerSettings, on_complaint: Callable[[str], None]
) -> AbstractAsyncContextManager[Any]:
    if settings.url is not None:
        return http_streams(settings.url, headers=_resolved(settings.headers))
    assert settings.command is not None, "a server has a command or a url"
    return process_streams(
        settings.command,
        settings.args,
        env=_resolved(settings.env),
        cwd=settings.cwd,
        on_complaint=on_complaint,
    )


async def _listen(client: Client, on_change: Callable[[], None]) -> None:
    """Newer servers tell of changes to those who listen, older ones to all."""
    tools = client.server_capabilities.tools
    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or not (
        tools and tools.list_changed
    ):
        return
    with contextlib.suppress(ListenNotSupportedError, MCPError, SubscriptionLost, TimeoutError):
        async with client.listen(tools_list_changed=True) as changes:
            async for _ in changes:
                on_change()
    on_change()  # nobody will tell any more: look whether it is still there


def _resolved(values: Mapping[str, SecretStr]) -> dict[str, str]:
    resolved = {}
    for name, secret in values.items():
        value = secret.get_secret_value()
        if value.startswith("$"):
            variable, value = value[1:], os.environ.get(value[1:], "")
            if not value:
                raise Missing(f"the environment variable {variable} is not set")
        resolved[name] = value
    return resolved


def _text(result: mcp_types.CallToolResult) -> str:
    """What it says, with a word for what is no text."""
    parts = [_part(block) for block in result.content]
    if not parts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(parts)


def _part(block: Any) -> str:
    if block.type == "text":
        return str(block.text)
    if block.type == "resource" and getattr(block.resource, "text", None):
        return str(block.resource.text)
    if block.type == "resource_link":
        return f"[{block.name}: {block.uri}]"
    kind = getattr(block, "mime_type", None) or block.type
    return f"[something that is no text: {kind}]"
