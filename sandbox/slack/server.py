"""The simulated Slack on loopback."""

import secrets
from collections.abc import Callable

from aiohttp import web

from bot.vocabulary import Clock, SystemClock
from sandbox.serving import Site, Startable
from sandbox.slack.control import Control
from sandbox.slack.default_world import BOT_TOKEN, default_world
from sandbox.slack.envelopes import Redelivery
from sandbox.slack.failing import Failing
from sandbox.slack.files_endpoint import FilesEndpoint
from sandbox.slack.governing import Governing
from sandbox.slack.interacting import Interacting
from sandbox.slack.limits import RateLimits
from sandbox.slack.methods import all_methods, open_methods
from sandbox.slack.platform import Platform
from sandbox.slack.talking import Talking
from sandbox.slack.web_api import WebApi
from sandbox.slack.world import World

MAX_BODY_BYTES = 64 * 1024 * 1024


class SimulatedSlack(Talking, Interacting, Governing, Failing, Startable):
    """A Slack that real SDKs can talk to: `async with SimulatedSlack() as slack`.

    People act through its verbs (`say`, `press`, `slash`…), and what came of it can be looked at
    (`visible`, `messages`, `pings`, `requests`…). After `stop` it can be started again, on the same
    port and with all it knew: an outage.
    """

    name = "slack"

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: RateLimits = RateLimits.off(),  # noqa: B008 - an immutable value
        redelivery: Redelivery = Redelivery.quick(),  # noqa: B008 - an immutable value
        clock: Clock | None = None,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._site = Site(host, port)
        self._platform = Platform(
            clock=clock or SystemClock(),
            random_bits=random_bits,
            limits=limits,
            address=lambda: self._site.address,
            world=default_world,
        )
        self._platform.courier.redelivery = redelivery

    @classmethod
    def for_people(cls, *, port: int = 0) -> "SimulatedSlack":
        """One with Slack's own limits, for trying things out."""
        return cls(port=port, limits=RateLimits(), redelivery=Redelivery())

    async def start(self) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        platform = self._platform
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        api = WebApi(platform, all_methods(platform), open_methods(platform))
        app.add_routes(api.routes())
        app.add_routes(platform.sockets.routes())
        app.add_routes(platform.response_urls.routes())
        app.add_routes(FilesEndpoint(platform).routes())
        app.add_routes(Control(self).routes())
        await self._site.start(app)
        platform.courier.resume()

    async def stop(self) -> None:
        """Stop listening and break off what is running; fine if it is not running."""
        await self._platform.courier.stop()
        await self._platform.sockets.close()
        await self._site.stop()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self._platform.base_url()

    @property
    def api_url(self) -> str:
        """What `SLACK_API_URL` must say."""
        return f"{self.base_url}/api/"

    @property
    def bot_token(self) -> str:
        """The bot's token in the first workspace: `SLACK_BOT_TOKEN`."""
        return BOT_TOKEN

    @property
    def app_token(self) -> str:
        """The token for sockets: `SLACK_APP_TOKEN`."""
        return self.world.app.app_token

    @property
    def signing_secret(self) -> str:
        """What events over HTTP are signed with: `SLACK_SIGNING_SECRET`."""
        return self.world.app.signing_secret

    @property
    def bot_user_id(self) -> str:
        """The bot's user in the first workspace."""
        return self.world.installations[0].bot_user_id

    @property
    def world(self) -> World:
        """Workspaces, people, channels and installations."""
        return self._platform.world
