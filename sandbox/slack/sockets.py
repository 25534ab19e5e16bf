"""Socket Mode: the app's WebSockets, and envelopes over them.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web

from bot.vocabulary import Clock
from sandbox.changes import Changes
from sandbox.connection import break_connection
from sandbox.slack.envelopes import Attempt, Envelope
from sandbox.slack.ids import Ids
from sandbox.wire import to_json

MAX_SOCKETS = 10
"""https://docs.slack.dev/apis/events-api/using-socket-mode#connections"""
PATH = "/_socket/link"
_MAX_TICKETS = 100
_CLOSE_WITHIN_S = 0.5


@dataclass(slots=True, eq=False)
class _Socket:
    number: int
    request: web.Request
    response: web.WebSocketResponse
    dead: bool = False
    leaving: bool = False


class Sockets:
    """The sockets that are open, in the order they came; envelopes go to each in turn."""

    def __init__(
        self, *, clock: Clock, ids: Ids, changes: Changes, app_id: str, address: Callable[[], str]
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._changes = changes
        self._app_id = app_id
        self._address = address
        self._tickets: dict[str, None] = {}
        self._open: list[_Socket] = []
        # By envelope, whatever socket it went to: an acknowledgement may come over another one.
        self._waiting: dict[str, asyncio.Future[Mapping[str, Any] | None]] = {}
        self._numbers = count(1)
        self._turn = 0
        self._withheld = 0
        self.opened = 0
        """How many were ever opened."""
        self.links_disabled = False

    @property
    def count(self) -> int:
        """How many are open and alive."""
        return len(self._usable)

    @property
    def _usable(self) -> list[_Socket]:
        return [each for each in self._open if not each.leaving]

    def routes(self) -> list[web.RouteDef]:
        """Where sockets connect to."""
        return [web.get(PATH, self.connect)]

    def new_link(self) -> str:
        """An address that one socket can connect to, once."""
        ticket = self._ids.secret()
        self._tickets[ticket] = None
        while len(self._tickets) > _MAX_TICKETS:
            del self._tickets[next(iter(self._tickets))]
        return f"ws://{self._address()}{PATH}?ticket={ticket}&app_id={self._app_id}"

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET: a socket of the app."""
        if self._tickets.pop(request.query.get("ticket", ""), False) is not None:
            return web.Response(status=408, text="this link has been used or never was one")
        response = web.WebSocketResponse(autoping=False, timeout=_CLOSE_WITHIN_S)
        await response.prepare(request)
        if self.count >= MAX_SOCKETS:
            await response.send_str(self._farewell("too_many_websockets"))
            await response.close()
            return response
        socket = _Socket(next(self._numbers), request, response)
        self._open.append(socket)
        self.opened += 1
        try:
            await response.send_str(self._hello())
            self._changes.announce()
            await self._listen(socket)
        finally:
            self._open.remove(socket)
            self._changes.announce()
        return response

    async def attempt(
        self, envelope: Envelope, *, number: int, reason: str, within_s: float
    ) -> Attempt:
        """Send an envelope to one socket, or to the first that comes, and wait until it is acked."""
        try:
            async with asyncio.timeout(within_s):
                await self._somebody(within_s)
                return Attempt(answer=await self._send(envelope, number, reason))
        except (TimeoutError, ConnectionError):
            return Attempt(reason="timeout")

    def withhold_acks(self, times: int = 1) -> None:
        """Act as if the next acknowledgements had not arrived."""
        self._withheld = times

    def drop(self, *, reset: bool = True) -> None:
        """Lose all connections without a word."""
        for socket in list(self._open):
            break_connection(socket.request, reset=reset)

    async def close(self) -> None:
        """Close all connections properly."""
        for socket in list(self._open):
            await socket.response.close()

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every socket to connect anew; `warning` announces that this will soon be asked."""
        for socket in list(self._open):
            socket.leaving = socket.leaving or reason != "warning"
            await socket.response.send_str(self._farewell(reason))
        self._changes.announce()

    def play_dead(self) -> None:
        """Say nothing more on the sockets that are open, not even to a ping; envelopes still go there."""
        for socket in self._open:
            socket.dead = True

    async def _somebody(self, within_s: float) -> None:
        await self._changes.until(
            lambda: bool(self._usable), what="a socket", timeout_s=within_s + 1
        )

    async def _send(self, envelope: Envelope, number: int, reason: str) -> Mapping[str, Any] | None:
        sockets = self._usable
        self._turn += 1
        socket = sockets[self._turn % len(sockets)]
        envelope_id = self._ids.uuid()
        loop = asyncio.get_running_loop()
        acknowledged: asyncio.Future[Mapping[str, Any] | None] = loop.create_future()
        self._waiting[envelope_id] = acknowledged
        try:
            if not socket.dead:
                await socket.response.send_str(_written(envelope, envelope_id, number, reason))
            return await acknowledged
        finally:
            self._waiting.pop(envelope_id, None)

    async def _listen(self, socket: _Socket) -> None:
        async for message in socket.response:
            if socket.dead:
                continue
            if message.type is WSMsgType.PING:
                await socket.response.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._heard(message.data)

    def _heard(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        envelope_id = said.get("envelope_id") if isinstance(said, dict) else None
        if envelope_id is None:
            return
        if self._withheld > 0:
            self._withheld -= 1
            return
        acknowledged = self._waiting.pop(envelope_id, None)
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(said.get("payload"))

    def _hello(self) -> str:
        return to_json(
            {
                "type": "hello",
                "num_connections": self.count,
                "debug_info": {
                    "host": "applink-sandbox",
                    "build_number": 1,
                    "approximate_connection_time": 18_060,
                },
                "connection_info": {"app_id": self._app_id},
            }
        )

    def _farewell(self, reason: str) -> str:
        return to_json(
            {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}
        )


def _written(envelope: Envelope, envelope_id: str, number: int, reason: str) -> str:
    body: dict[str, Any] = {
        "envelope_id": envelope_id,
        "type": envelope.kind.value,
        "accepts_response_payload": envelope.takes_answer,
        "payload": envelope.payload,
    }
    if not envelope.takes_answer:
        body |= {"retry_attempt": number, "retry_reason": reason}
    return to_json(body)
