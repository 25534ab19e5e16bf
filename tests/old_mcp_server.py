"""An MCP server as they were made before 2026, by hand, over standard streams.

It begins with `initialize`, and tells everybody of its changes. If it is asked to be `wrong`, it lists a
tool whose arguments are no object.
"""

import json
import sys
from typing import Any

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}}
tools: list[dict[str, Any]] = [{"name": "echo", "description": "Back.", "inputSchema": TEXT}]
if "wrong" in sys.argv:
    tools.append({"name": "wrong", "inputSchema": {"type": "string"}})


def say(message: dict[str, Any]) -> None:
    """Send a message."""
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a tool returns."""
    if name == "echo":
        tools.append({"name": "later", "inputSchema": TEXT})
        say({"method": "notifications/tools/list_changed"})
    return {"content": [{"type": "text", "text": f"old {arguments.get('text')}"}]}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """What a request is answered with; None if there is no such method."""
    match method:
        case "initialize":
            return {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "old", "version": "1"},
            }
        case "tools/list":
            return {"tools": tools}
        case "tools/call":
            return call(params["name"], params.get("arguments") or {})
    return None


for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = answer(asked["method"], asked.get("params") or {})
    if result is None:
        say({"id": asked["id"], "error": {"code": -32601, "message": "Method not found"}})
    else:
        say({"id": asked["id"], "result": result})
