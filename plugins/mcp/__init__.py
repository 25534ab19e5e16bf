"""Tools of MCP servers, which are processes of ours or run elsewhere: https://modelcontextprotocol.io"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from bot.plugins import Context, Plugin, Role, Table, ToolSpec
from plugins.mcp.offers import Offer
from plugins.mcp.server import Server
from plugins.mcp.settings import Settings

SPARE_S = 2.0
"""A server's own time limit is told in better words than the host's, which comes a little later."""
END_S = 1.5

Servers = Mapping[str, Server]

plugin = Plugin(
    "mcp", api=1, settings=Settings, state=dict[str, Server], summary="Tools of MCP servers."
)
Ctx = Context[Settings, dict[str, Server]]


@plugin.lifespan
async def lifespan(ctx: Ctx) -> AsyncIterator[dict[str, Server]]:
    """Every server has a task of its own, and nothing waits for it."""
    servers = {
        name: Server(name, each, log=ctx.log, now=ctx.now, sleep=ctx.sleep)
        for name, each in ctx.settings.servers.items()
    }
    tasks = [
        asyncio.create_task(server.run(), name=f"mcp {server.name}") for server in servers.values()
    ]
    yield servers
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=END_S)


@plugin.dynamic_tools
async def tools(ctx: Ctx) -> Sequence[ToolSpec]:
    """What the servers offer that are there now."""
    return [_spec(server, offer) for server in ctx.state.values() for offer in server.tools.offers]


@plugin.command("mcp", role=Role.ADMIN, private=True)
async def mcp(ctx: Ctx) -> str:
    """The MCP servers, how they stand, and their tools."""
    if not ctx.state:
        return "No MCP server is configured: `[plugins.mcp.servers.NAME]` in the settings adds one."
    rows = [
        (name, server.settings.place, _state(server), _tools(server))
        for name, server in sorted(ctx.state.items())
    ]
    return Table(("Server", "At", "State", "Tools"), rows).markdown()


def _spec(server: Server, offer: Offer) -> ToolSpec:
    return plugin.dynamic_tool(
        offer.name,
        partial(_call, server, offer.tool),
        description=offer.description,
        schema=offer.schema,
        role=server.settings.role,
        confirm=offer.confirm,
        timeout_s=server.settings.timeout_s + SPARE_S,
    )


async def _call(server: Server, tool: str, _ctx: Ctx, /, **arguments: Any) -> str:
    return await server.call(tool, arguments)


def _state(server: Server) -> str:
    since = f"since {server.since:%Y-%m-%d %H:%M} UTC"
    return f"up {since}" if server.trouble is None else f"down {since}: {server.trouble}"


def _tools(server: Server) -> str:
    offered = [
        f"{each.tool}{' (asks first)' if each.confirm else ''}" for each in server.tools.offers
    ]
    left_out = [f"{name} (left out: {why})" for name, why in (server.tools.left_out or {}).items()]
    return ", ".join([*offered, *left_out]) or "none"
