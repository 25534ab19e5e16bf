"""The simulated Slack on loopback."""

import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.vocabulary import Clock, SystemClock
from sandbox.serving import Site
from sandbox.slack.announcer import MentionOrder
from sandbox.slack.default_world import BOT_TOKEN, default_world
from sandbox.slack.envelopes import Redelivery
from sandbox.slack.faults import Fault, Faults
from sandbox.slack.files_endpoint import FilesEndpoint
from sandbox.slack.governing import Governing
from sandbox.slack.holds import Stage
from sandbox.slack.interacting import Interacting
from sandbox.slack.limits import RateLimits
from sandbox.slack.looking import Looking
from sandbox.slack.methods import all_methods, open_methods
from sandbox.slack.platform import Platform
from sandbox.slack.talking import Talking
from sandbox.slack.web_api import WebApi
from sandbox.slack.world import World

MAX_BODY_BYTES = 64 * 1024 * 1024


class SimulatedSlack(Talking, Interacting, Governing, Looking):
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

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        platform = self._platform
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        api = WebApi(platform, all_methods(platform), open_methods(platform))
        app.add_routes(api.routes())
        app.add_routes(platform.sockets.routes())
        app.add_routes(platform.response_urls.routes())
        app.add_routes(FilesEndpoint(platform).routes())
        await self._site.start(app)

    async def stop(self) -> None:
        """Stop listening and break off what is running; fine if it is not running."""
        await self._platform.courier.stop()
        self._platform.sockets.drop(reset=False)
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

    @property
    def faults(self) -> Faults:
        """How it fails."""
        return self._platform.faults

    @property
    def limits(self) -> RateLimits:
        """Its rate limits; setting them fills the buckets."""
        return self._platform.limiter.limits

    @limits.setter
    def limits(self, limits: RateLimits) -> None:
        self._platform.limiter.change(limits)

    @property
    def redelivery(self) -> Redelivery:
        """When what was not acknowledged comes again."""
        return self._platform.courier.redelivery

    @redelivery.setter
    def redelivery(self, redelivery: Redelivery) -> None:
        self._platform.courier.redelivery = redelivery

    @property
    def stream_lifetime_s(self) -> float:
        """How long after its start a stream may be written to."""
        return self._platform.stream_lifetime_s

    @stream_lifetime_s.setter
    def stream_lifetime_s(self, lifetime_s: float) -> None:
        self._platform.stream_lifetime_s = lifetime_s

    @property
    def mention_order(self) -> MentionOrder:
        """Which event of a post with a mention comes first."""
        return self._platform.announcer.mention_order

    @mention_order.setter
    def mention_order(self, order: MentionOrder) -> None:
        self._platform.announcer.mention_order = order

    @property
    def sockets(self) -> int:
        """How many sockets are open."""
        return self._platform.sockets.count

    @property
    def sockets_opened(self) -> int:
        """How many sockets were ever opened."""
        return self._platform.sockets.opened

    @property
    def acked(self) -> int:
        """How many deliveries were acknowledged."""
        return self._platform.courier.acked

    @property
    def lost(self) -> int:
        """How many deliveries were given up."""
        return self._platform.courier.lost

    def fail_next(self, *faults: Fault, times: int | None = 1, method: str | None = None) -> None:
        """Fail the next `times` calls, or those of a method, with each fault in turn; None for always."""
        self._platform.faults.arm(*faults, times=times, method=method)

    def hold(self, method: str | None = None, *, after: bool = False) -> None:
        """Hold calls of a method, or all, that come from now on; `after` holds only their answers."""
        self._platform.holds.hold(method, Stage.AFTER if after else Stage.BEFORE)

    def release(self) -> None:
        """Let held calls go on, and hold nothing more."""
        self._platform.holds.release()

    def hold_events(self) -> None:
        """Deliver nothing until `release_events`."""
        self._platform.courier.hold()

    def release_events(self, *, reverse: bool = False) -> None:
        """Deliver what was held; with `reverse` the newest first."""
        self._platform.courier.release(reverse=reverse)

    def repeat_events(self, last: int = 1) -> None:
        """Deliver the last events once more, although they were acknowledged."""
        self._platform.courier.repeat(last)

    def withhold_acks(self, times: int = 1) -> None:
        """Act as if the next acknowledgements had not arrived."""
        self._platform.sockets.withhold_acks(times)

    def drop_sockets(self, *, reset: bool = True) -> None:
        """Lose all sockets without a word."""
        self._platform.sockets.drop(reset=reset)

    async def refresh_sockets(self, reason: str = "refresh_requested") -> None:
        """Ask every socket to connect anew; `warning` only announces it."""
        await self._platform.sockets.refresh(reason)

    def freeze_sockets(self) -> None:
        """Play dead on the sockets that are open: no pong, no event, no word."""
        self._platform.sockets.play_dead()

    def reset(self) -> None:
        """Forget what was said, asked and scripted; the world and the connections stay."""
        self._platform.reset()
