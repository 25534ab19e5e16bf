"""A small MCP server, made with the official library, whose tools misbehave in every way they can.

python mcp_server.py            over standard streams
python mcp_server.py PORT       over streamable HTTP
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import Tool, ToolAnnotations

READ_ONLY = ToolAnnotations(read_only_hint=True)


class OddServer(MCPServer[Any]):
    """Lists a tool that no API would take beside its own, and more once it has grown."""

    async def list_tools(self) -> list[Tool]:
        """All tools."""
        odd = {"type": "object", "properties": {"x": {"type": "no such type"}}}
        return [*await super().list_tools(), Tool(name="odd", input_schema=odd)]


server = OddServer("odd")


@server.tool(annotations=READ_ONLY)
def echo(text: str) -> str:
    """Say it back."""
    return f"You said {text}."


@server.tool(annotations=READ_ONLY)
def secrets(names: list[str]) -> str:
    """What stands in the environment."""
    print("complaint: secrets were asked for", file=sys.stderr)
    return ", ".join(f"{name}={os.environ.get(name)}" for name in names)


@server.tool()
def write(text: str) -> str:
    """Change something, as far as anybody knows."""
    return f"Written: {text}."


@server.tool(annotations=READ_ONLY)
def fail() -> str:
    """Fail."""
    raise ToolError("the moon is in the wrong place")


@server.tool(annotations=READ_ONLY)
def die() -> str:
    """End the whole server, in the middle of a call."""
    os._exit(3)


@server.tool(annotations=READ_ONLY)
async def hang() -> str:
    """Never come back."""
    await asyncio.Event().wait()
    return "never"


@server.tool(annotations=READ_ONLY)
def flood(megabytes: float) -> str:
    """Say far too much."""
    return "x" * int(megabytes * 1_000_000)


@server.tool(annotations=READ_ONLY, name="strange/name.with dots")
def strange() -> str:
    """Have a name that the API does not take."""
    return "strange"


@server.tool(annotations=READ_ONLY)
async def grow(ctx: Context) -> str:
    """Have another tool from now on."""
    server.add_tool(lambda: "grown", name="grown", description="New.", annotations=READ_ONLY)
    await ctx.notify_tools_changed()
    await ctx.request_context.session.send_tool_list_changed()
    return "grown"


def main() -> None:
    """Serve, as the arguments say."""
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        server.run("streamable-http", port=int(sys.argv[1]))
    elif len(sys.argv) > 1 and Path(sys.argv[1]).exists():
        sys.exit("it is out of order")
    else:
        server.run("stdio")


if __name__ == "__main__":
    main()
