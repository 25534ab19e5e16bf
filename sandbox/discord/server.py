"""The simulated Discord on loopback."""

import secrets
from collections.abc import Callable

from aiohttp import web

from bot.vocabulary import Clock, SystemClock
from sandbox.discord.account_endpoints import AccountEndpoints
from sandbox.discord.bodies import MAX_BODY_BYTES
from sandbox.discord.channel_endpoints import ChannelEndpoints
from sandbox.discord.connection import Connection
from sandbox.discord.control import Control
from sandbox.discord.front import API, Front
from sandbox.discord.gateway import GatewayRules
from sandbox.discord.interaction_endpoints import InteractionEndpoints
from sandbox.discord.message_endpoints import MessageEndpoints
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.scenes import Scene, friendly, plain
from sandbox.discord.service import Service
from sandbox.discord.troubles import Troubles
from sandbox.discord.verbs import Verbs
from sandbox.serving import Site, Startable


class SimulatedDiscord(Verbs, Troubles, Startable):
    """A Discord that real SDKs can talk to: `async with SimulatedDiscord() as discord`.

    There is one guild, `discord.guild`, with the channels `general` and `random`, and with Ada and
    Grace, who is its administrator; `world` has all of it and takes more. People act through the
    verbs here; what they see is in `visible` and `messages`, by what they would be pinged in `pings`.
    `fail_next` makes it fail, `hold` stops requests, `drop_gateway` and its like break connections;
    `requests` tells what it saw. After `stop` it can be started again, on the same port and with all
    it knew: an outage.
    """

    name = "discord"

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: RateLimits = RateLimits.off(),  # noqa: B008 - an immutable value
        rules: GatewayRules = GatewayRules(),  # noqa: B008 - an immutable value
        scene: Scene = plain,
        clock: Clock | None = None,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._site = Site(host, port)
        self._clock = clock or SystemClock()
        service = Service(clock=self._clock, random_bits=random_bits, limits=limits, rules=rules)
        Verbs.__init__(self, service, scene(service.world))
        Troubles.__init__(self, service)

    @classmethod
    def for_people(cls, *, port: int = 0) -> "SimulatedDiscord":
        """One with people and channels in it, and with Discord's limits, for trying things out."""
        return cls(port=port, limits=RateLimits(), rules=GatewayRules.for_people(), scene=friendly)

    async def start(self) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        service = self._service
        front = Front(service)
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[front.middleware])
        for endpoints in (
            MessageEndpoints(service),
            ChannelEndpoints(service),
            AccountEndpoints(service),
            InteractionEndpoints(service),
            Control(service, self, self),
        ):
            app.add_routes(endpoints.routes())
        app.add_routes(
            [
                web.get("/gateway", self._connect),
                web.get("/gateway/resume", self._connect),
                web.get("/attachments/{channel_id}/{id}/{name}", self._file),
            ]
        )
        await self._site.start(app)
        service.world.address = self.base_url
        service.gateway.address = f"ws://{self._site.address}/gateway"

    async def stop(self) -> None:
        """Stop listening and break off what is running; fine if it is not running."""
        await self._site.stop()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://{self._site.address}"

    @property
    def api_url(self) -> str:
        """What `DISCORD_API_URL` must say."""
        return self.base_url + API

    @property
    def gateway_url(self) -> str:
        """Where its gateway is, as `/gateway/bot` says."""
        return self._service.gateway.address

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if self.gateway.refusing:
            raise web.HTTPServiceUnavailable
        return await Connection(
            request=request,
            gateway=self.gateway,
            world=self.world,
            clock=self._clock,
            accepts=self._service.accepts,
        ).run()

    async def _file(self, request: web.Request) -> web.Response:
        channel = self.world.channels.get(int(request.match_info["channel_id"]))
        for message in channel.messages.values() if channel is not None else ():
            for version in message.versions:
                for attachment in version.attachments:
                    if attachment.path == request.path and message.deleted_at is None:
                        return web.Response(
                            body=attachment.content, content_type=attachment.content_type
                        )
        raise web.HTTPNotFound(text="This content is no longer available.")
