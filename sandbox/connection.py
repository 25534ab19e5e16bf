"""Closing a client's connection the rude way."""

import socket
import struct

from aiohttp import web

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: the kernel sends RST


def break_connection(request: web.BaseRequest, *, reset: bool) -> None:
    """Close the connection without ending the response; with a TCP reset, what was not yet read by
    the client is lost."""
    transport = request.transport
    if transport is None:
        return
    if not reset:
        transport.close()
        return
    held = transport.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
