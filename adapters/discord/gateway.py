"""One shard's connection to the gateway: the SDK speaks the protocol, this decides when to connect again.

The SDK's client would read the gateway's address from a constant and give up where fewer intents would
do. Events are handed on as they come: they are parsed once, by us, and the SDK builds no models.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.http import HTTPClient

from adapters.discord.rest import Json, Rest
from bot.ports import PlatformError
from bot.vocabulary import Clock

log = structlog.get_logger(__name__)

Hear = Callable[[str, Json], None]

CONNECT_S: Final = 30.0
FIRST_RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 60.0
RESUMES: Final = 5
"""A session that could not be resumed so often is given up for a new one."""
HEARTBEAT_TIMEOUT_S: Final = 60.0
"""More than the gateway's heartbeat interval, which is about 41 s: silence for so long is a dead peer."""

EVENTS: Final = (
    "READY",
    "RESUMED",
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "INTERACTION_CREATE",
    "GUILD_CREATE",
    "GUILD_UPDATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_UPDATE",
    "GUILD_ROLE_DELETE",
    "CHANNEL_CREATE",
    "CHANNEL_UPDATE",
    "CHANNEL_DELETE",
    "THREAD_CREATE",
    "THREAD_UPDATE",
    "THREAD_DELETE",
    "THREAD_LIST_SYNC",
)

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
TOKEN_REFUSED: Final = 4004
WRONG_SHARDS: Final = frozenset({4010, 4011})
INTENTS_REFUSED: Final = frozenset({4013, 4014})


class IntentsRefused(Exception):
    """The gateway grants fewer intents than were asked for."""


class WrongShards(Exception):
    """The gateway asks for another number of shards."""


@dataclass(frozen=True, slots=True)
class _Session:
    """What it takes to resume."""

    id: str
    sequence: int | None
    gateway: yarl.URL


class GatewayHttp(HTTPClient):
    """As much of the SDK's own client as its gateway needs: the token, and a socket."""

    def __init__(self, *, rest: Rest, token: str) -> None:
        super().__init__(asyncio.get_running_loop())
        self.token = token
        self._rest = rest

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """Open a socket, from the connections that requests use too."""
        return await self._rest.session.ws_connect(
            url,
            autoclose=False,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            compress=compress,
        )

    async def close(self) -> None:
        """The connections are not its own."""


class Shard(discord.Client):
    """Shard `number` of `count`: connects, hands events to `hear`, and connects again, until cancelled.

    `gateway` tells the address, and `may_identify` returns when a new session may be begun.
    """

    def __init__(
        self,
        *,
        http: HTTPClient,
        number: int,
        count: int,
        intents: discord.Intents,
        hear: Hear,
        gateway: Callable[[], Awaitable[str]],
        may_identify: Callable[[int], Awaitable[None]],
        clock: Clock,
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
    ) -> None:
        # It never speaks aloud, and so lacks nothing for that.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=intents,
            shard_id=number,
            shard_count=count,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            heartbeat_timeout=heartbeat_timeout_s,
        )
        self.http = http
        self.number = number
        self.connected = False
        """A session is up, and events arrive."""
        self._hear = hear
        self._gateway = gateway
        self._may_identify = may_identify
        self._clock = clock
        self._failures = 0
        self._connection.parsers = {event: partial(self._heard, event) for event in EVENTS}

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Nothing more: it was waited for before the connection was opened."""

    async def listen(self) -> None:
        """Stay connected.

        Raises:
            IntentsRefused: with fewer it might work.
            WrongShards: their number has to be asked anew.
            PlatformError: it can never work as configured.
        """
        async with self:
            session: _Session | None = None
            while True:
                session = await self._session(session)
                self.connected = False
                if self._failures >= RESUMES:
                    session = None
                await self._clock.sleep(self._pause_s())

    async def _session(self, resumed: _Session | None) -> _Session | None:
        """Connect, and stay until the connection is lost; what can be resumed then."""
        try:
            await self._connect(resumed)
            while True:
                await self.ws.poll_event()
        except ReconnectWebSocket as lost:
            self._failures += 1
            return self._resumable(resumed) if lost.resume else None
        except discord.ConnectionClosed as closed:
            self._failures += 1
            self._check(closed.code)
            return None
        except (OSError, aiohttp.ClientError, TimeoutError, PlatformError) as error:
            self._failures += 1
            log.warning("no connection to the gateway", shard=self.number, error=str(error))
            return self._resumable(resumed)

    async def _connect(self, resumed: _Session | None) -> None:
        self.ws = None  # type: ignore[assignment] # as the SDK has it before it is connected
        if resumed is None:
            await self._may_identify(self.number)
        async with asyncio.timeout(CONNECT_S):
            self.ws = await DiscordWebSocket.from_client(
                self,
                initial=True,
                gateway=resumed.gateway if resumed else yarl.URL(await self._gateway()),
                shard_id=self.number,
                session=resumed.id if resumed else None,
                sequence=resumed.sequence if resumed else None,
                resume=resumed is not None,
            )

    def _resumable(self, before: _Session | None) -> _Session | None:
        """The session of the connection that was lost; that before it, if it never came about."""
        if self.ws is None or self.ws.session_id is None:
            return before
        return _Session(self.ws.session_id, self.ws.sequence, self.ws.gateway)

    def _check(self, code: int) -> None:
        if code == TOKEN_REFUSED:
            raise PlatformError(
                "Discord does not accept the bot's token. Copy it from the developer portal (Bot, "
                "Reset Token) into DISCORD_TOKEN"
            )
        if code in INTENTS_REFUSED:
            raise IntentsRefused
        if code in WRONG_SHARDS:
            raise WrongShards
        log.warning("the gateway closed the connection", shard=self.number, code=code)

    def _pause_s(self) -> float:
        """The first time at once."""
        if self._failures <= 1:
            return 0.0
        return min(FIRST_RETRY_S * 2.0 ** (self._failures - 2), LONGEST_RETRY_S)

    def _heard(self, event: str, data: Any) -> None:
        if event in ("READY", "RESUMED"):
            self.connected, self._failures = True, 0
            log.info("connected to the gateway", shard=self.number, resumed=event == "RESUMED")
        try:
            self._hear(event, data)
        except Exception:
            log.exception("an event could not be read, and ends no connection", event_name=event)
