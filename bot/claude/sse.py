"""Server-sent events: bytes as they come from the network, in; the JSON objects they carry, out."""

import json
from typing import Any

from bot.claude.errors import BrokenStream

MAX_EVENT_BYTES = 32 * 1024 * 1024
"""More than this without the end of an event is not a stream of events; it is also the provider's
own limit for a request, and what a server tool returns comes as one event."""


class SseParser:
    """Splits a byte stream into events and decodes their data, all of one network chunk at once.

    What the SDK's decoder does line by line this does with two splits, since a provider may send an
    event per word. Comments, ids and the `event:` name are skipped: the data says its type itself.
    Source of the format: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """The events that `chunk` completes, in order.

        Raises:
            BrokenStream: the data of an event is not a JSON object, or an event never ends.
        """
        data = self._rest + chunk if self._rest else chunk
        if b"\r" in data:
            data, held_back = _with_plain_newlines(data)
        else:
            held_back = b""
        *blocks, rest = data.split(b"\n\n")
        self._rest = rest + held_back
        if len(self._rest) > MAX_EVENT_BYTES:
            raise BrokenStream("an event of the stream has no end")
        return [_decoded(payload) for payload in map(_payload, blocks) if payload]


def _with_plain_newlines(data: bytes) -> tuple[bytes, bytes]:
    """CR LF and CR become LF; a CR at the very end waits, for its LF may come with the next chunk."""
    held_back = b"\r" if data.endswith(b"\r") else b""
    if held_back:
        data = data[:-1]
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), held_back


def _payload(block: bytes) -> bytes:
    lines = [
        line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")
    ]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)


def _decoded(payload: bytes) -> dict[str, Any]:
    try:
        event = json.loads(payload)
    except ValueError as error:
        raise BrokenStream("an event of the stream is not JSON") from error
    if not isinstance(event, dict):
        raise BrokenStream("an event of the stream is not an object")
    return event
