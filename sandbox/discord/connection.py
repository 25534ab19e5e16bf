"""One connection to the gateway.

https://discord.com/developers/docs/events/gateway#connections, and for the close codes
https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
"""

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum
from typing import Any, Final

from aiohttp import WSMsgType, web

from bot.vocabulary import Clock
from sandbox.connection import break_connection
from sandbox.discord.gateway import Gateway
from sandbox.discord.intents import KNOWN, PRIVILEGED, Intents
from sandbox.discord.member_chunks import member_chunk
from sandbox.discord.session import Session
from sandbox.discord.world import World
from sandbox.wire import to_json

VERSIONS: Final = frozenset({"9", "10"})
MAX_PAYLOAD_BYTES: Final = 4_096
MAX_PAYLOADS: Final = 120
PAYLOADS_PER_S: Final = 60.0
MAX_WAITING: Final = 20_000
BEATS_TOLERANCE: Final = 1.5


class Op(IntEnum):
    """https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-opcodes"""

    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Closing(Exception):
    """The connection is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """Speaks with one client until either side closes."""

    def __init__(
        self,
        *,
        request: web.Request,
        gateway: Gateway,
        world: World,
        clock: Clock,
        accepts: Callable[[str], bool],
    ) -> None:
        self._request = request
        self._gateway = gateway
        self._world = world
        self._clock = clock
        self._accepts = accepts
        self._socket = web.WebSocketResponse(max_msg_size=0, autoping=True)
        compressed = request.query.get("compress") == "zlib-stream"
        self._zlib = zlib.compressobj() if compressed else None
        self._waiting: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(MAX_WAITING)
        self._received_at_s: deque[float] = deque(maxlen=MAX_PAYLOADS)
        self._beats = 0
        self.session: Session | None = None
        self.zombie = False

    async def run(self) -> web.WebSocketResponse:
        """Serve the connection until it ends."""
        await self._socket.prepare(self._request)
        self._gateway.opened(self)
        beat_ms = int(self._gateway.rules.heartbeat_s * 1000)
        self.push({"op": Op.HELLO, "d": {"heartbeat_interval": beat_ms, "_trace": []}})
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._watch())]
        try:
            if self._request.query.get("v", "10") not in VERSIONS:
                raise Closing(4012, "Invalid API version.")
            await self._read()
        except Closing as closing:
            await self._close(closing.code, closing.reason)
        finally:
            self._gateway.closed(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._socket

    def push(self, payload: Mapping[str, Any]) -> None:
        """Send a payload as soon as those before it are out; a zombie sends nothing."""
        if self.zombie:
            return
        try:
            self._waiting.put_nowait(payload)
        except asyncio.QueueFull:
            self.drop(None)

    def drop(self, code: int | None) -> None:
        """Break the connection: with a close code, or without a word."""
        if code is None:
            break_connection(self._request, reset=True)
        else:
            self.push({"close": code})

    async def _write(self) -> None:
        while True:
            payload = await self._waiting.get()
            if "close" in payload:
                await self._close(payload["close"], "")
                return
            text = to_json(payload)
            try:
                if self._zlib is None:
                    await self._socket.send_str(text)
                else:
                    packed = self._zlib.compress(text.encode())
                    await self._socket.send_bytes(packed + self._zlib.flush(zlib.Z_SYNC_FLUSH))
            except ConnectionError:
                return  # the reader notices as well, and ends the connection

    async def _watch(self) -> None:
        """Close the connection of a client that no longer sends heartbeats."""
        while True:
            before = self._beats
            await self._clock.sleep(self._gateway.rules.heartbeat_s * BEATS_TOLERANCE)
            if self._beats == before and not self.zombie:
                await self._close(4009, "Session timed out.")
                return

    async def _read(self) -> None:
        while (message := await self._socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            self._check_pace()
            op, data = _read_payload(message.data)
            await self._handle(op, data)
        goodbye = message.type is WSMsgType.CLOSE and message.data in (1000, 1001)
        if goodbye and self.session is not None:
            self._gateway.forget(self.session)  # so says the page on disconnecting

    async def _handle(self, op: int, data: Any) -> None:
        handlers: Mapping[int, Callable[[Any], Awaitable[None]]] = {
            Op.HEARTBEAT: self._heartbeat,
            Op.IDENTIFY: self._identify,
            Op.RESUME: self._resume,
            Op.PRESENCE_UPDATE: self._ignore,
            Op.VOICE_STATE_UPDATE: self._ignore,
            Op.REQUEST_GUILD_MEMBERS: self._request_members,
        }
        if op not in handlers:
            raise Closing(4001, "Unknown opcode.")
        if self.session is None and op not in (Op.HEARTBEAT, Op.IDENTIFY, Op.RESUME):
            raise Closing(4003, "Not authenticated.")
        await handlers[op](data)

    async def _heartbeat(self, _: Any) -> None:
        if not self.zombie:
            self._beats += 1
            self.push({"op": Op.HEARTBEAT_ACK})

    async def _identify(self, data: Any) -> None:
        if self.session is not None:
            raise Closing(4005, "Already authenticated.")
        if not isinstance(data, dict) or not self._accepts(str(data.get("token"))):
            raise Closing(4004, "Authentication failed.")
        shard = _shard(data.get("shard"))
        intents = self._intents(data.get("intents"))
        if not self._gateway.may_identify(shard[0]):
            self.push({"op": Op.INVALID_SESSION, "d": False})
            return
        token = str(data["token"])
        self.session = self._gateway.new_session(token=token, intents=intents, shard=shard)
        self._gateway.greet(self.session)
        self.session.attach(self.push, after=0)

    async def _resume(self, data: Any) -> None:
        if self.session is not None:
            raise Closing(4005, "Already authenticated.")
        token, sequence = str(data.get("token")), int(data.get("seq") or 0)
        if not self._accepts(token):
            raise Closing(4004, "Authentication failed.")
        session = self._gateway.resumable(str(data.get("session_id")), token)
        if session is None or not session.can_replay_after(sequence):
            self.push({"op": Op.INVALID_SESSION, "d": False})
            return
        if sequence > session.sequence:
            raise Closing(4007, "Invalid seq.")
        self.session = session
        session.attach(self.push, after=sequence)
        self._gateway.resumed(session)

    async def _request_members(self, data: Any) -> None:
        assert self.session is not None
        chunk = member_chunk(self._world, data, self.session.intents)
        if chunk is not None:
            self.session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    async def _ignore(self, _: Any) -> None:
        pass

    def _intents(self, value: object) -> Intents:
        if not isinstance(value, int) or value < 0 or value & ~KNOWN:
            raise Closing(4013, "Invalid intent(s).")
        intents = Intents(value)
        if intents & PRIVILEGED & ~Intents(self._gateway.rules.granted):
            raise Closing(4014, "Disallowed intent(s).")
        return intents

    def _check_pace(self) -> None:
        now_s = self._clock.monotonic()
        received = self._received_at_s
        if len(received) == MAX_PAYLOADS and now_s - received[0] < PAYLOADS_PER_S:
            raise Closing(4008, "You are being rate limited.")
        received.append(now_s)

    async def _close(self, code: int, reason: str) -> None:
        await self._socket.close(code=code, message=reason.encode())


def _read_payload(raw: str | bytes) -> tuple[int, Any]:
    if len(raw if isinstance(raw, bytes) else raw.encode()) > MAX_PAYLOAD_BYTES:
        raise Closing(4002, "Error while decoding payload.")
    try:
        payload = json.loads(raw)
        return int(payload["op"]), payload.get("d")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Closing(4002, "Error while decoding payload.") from None


def _shard(value: object) -> tuple[int, int]:
    if value is None:
        return 0, 1
    if not isinstance(value, list) or len(value) != 2:
        raise Closing(4010, "Invalid shard.")
    shard_id, count = value
    if not (isinstance(shard_id, int) and isinstance(count, int) and 0 <= shard_id < count):
        raise Closing(4010, "Invalid shard.")
    return shard_id, count
