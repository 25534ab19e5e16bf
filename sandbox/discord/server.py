"""The simulated Discord on loopback."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.vocabulary import Clock, SystemClock
from sandbox.changes import WAIT_S
from sandbox.discord.account_endpoints import AccountEndpoints
from sandbox.discord.acting import Acting, File
from sandbox.discord.bodies import MAX_BODY_BYTES
from sandbox.discord.channel_endpoints import ChannelEndpoints
from sandbox.discord.connection import Connection
from sandbox.discord.faults import Fault
from sandbox.discord.front import API, Front
from sandbox.discord.gateway import Gateway, GatewayRules
from sandbox.discord.interaction_endpoints import InteractionEndpoints
from sandbox.discord.interactions import Interaction
from sandbox.discord.message_endpoints import MessageEndpoints
from sandbox.discord.messages import Message, Pinged
from sandbox.discord.people import User
from sandbox.discord.places import Channel, ChannelType, Guild
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.request_log import SeenRequest
from sandbox.discord.scenes import Scene, friendly, plain
from sandbox.discord.service import Service
from sandbox.discord.world import ChannelRef, UserRef, World
from sandbox.serving import Site

MessageRef = Message | int | str


class SimulatedDiscord:
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
        self._service = Service(
            clock=self._clock, random_bits=random_bits, limits=limits, rules=rules
        )
        self.guild: Guild = scene(self._service.world)
        self._acting = Acting(
            self.world, self._service.posting, self._service.interactions, self._service.commands
        )

    @classmethod
    def for_people(cls, *, port: int = 0) -> "SimulatedDiscord":
        """One with people and channels in it, and with Discord's limits, for trying things out."""
        return cls(port=port, limits=RateLimits(), rules=GatewayRules.for_people(), scene=friendly)

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
        service = self._service
        front = Front(service)
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[front.middleware])
        for endpoints in (
            MessageEndpoints(service),
            ChannelEndpoints(service),
            AccountEndpoints(service),
            InteractionEndpoints(service),
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

    @property
    def world(self) -> World:
        """Guilds, people and channels."""
        return self._service.world

    @property
    def bot(self) -> User:
        """The bot's account."""
        return self.world.bot

    @property
    def gateway(self) -> Gateway:
        """Sessions and connections, and what can befall them."""
        return self._service.gateway

    @property
    def limits(self) -> RateLimits:
        """Its rate limits; setting them begins anew."""
        return self._service.limiter.limits

    @limits.setter
    def limits(self, limits: RateLimits) -> None:
        self._service.limiter.change(limits)

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """The last requests it got, oldest first."""
        return self._service.log.seen

    def requests_of(self, route: str) -> tuple[SeenRequest, ...]:
        """Those of a route, such as `POST /channels/{}/messages`."""
        return self._service.log.of(route)

    # What people do

    def say(
        self,
        text: str,
        *,
        by: UserRef = "ada",
        channel: ChannelRef = "general",
        direct: bool = False,
        reply_to: MessageRef | None = None,
        ping_reply: bool = True,
        attachments: Sequence[File] = (),
        mention: bool = False,
    ) -> Message:
        """Somebody says something in a channel, or to the bot in a `direct` message."""
        user = self.world.user(by)
        return self._acting.say(
            text,
            by=user,
            channel=self.world.dm(user) if direct else self.world.channel(channel),
            reply_to=None if reply_to is None else self.world.message(reply_to),
            ping_reply=ping_reply,
            attachments=attachments,
            mention=mention,
        )

    def edit(self, message: MessageRef, text: str) -> None:
        """The author changes the text of a message."""
        self._acting.edit(self.world.message(message), text)

    def delete(self, message: MessageRef) -> None:
        """Somebody deletes a message, of whomever."""
        self._acting.delete(self.world.message(message))

    def react(
        self, message: MessageRef, emoji: str, *, by: UserRef = "ada", add: bool = True
    ) -> None:
        """Somebody reacts, or takes the reaction back."""
        self._acting.react(self.world.message(message), emoji, by=self.world.user(by), add=add)

    def type_in(self, channel: ChannelRef = "general", *, by: UserRef = "ada") -> None:
        """Somebody types."""
        self._acting.type_in(self.world.channel(channel), by=self.world.user(by))

    def press(self, message: MessageRef, button: str, *, by: UserRef = "ada") -> Interaction:
        """Somebody presses a button, by its custom id or label."""
        return self._acting.press(self.world.message(message), button, by=self.world.user(by))

    def choose(
        self, message: MessageRef, custom_id: str, *values: str, by: UserRef = "ada"
    ) -> Interaction:
        """Somebody chooses in a select."""
        chosen = self.world.message(message)
        return self._acting.choose(chosen, custom_id, values, by=self.world.user(by))

    def slash(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        by: UserRef = "ada",
        channel: ChannelRef = "general",
        direct: bool = False,
    ) -> Interaction:
        """Somebody runs a slash command; a subcommand is written `group sub`."""
        user = self.world.user(by)
        where = self.world.dm(user) if direct else self.world.channel(channel)
        return self._acting.slash(name, options or {}, by=user, channel=where)

    def autocomplete(
        self,
        name: str,
        option: str,
        typed: str,
        *,
        by: UserRef = "ada",
        channel: ChannelRef = "general",
    ) -> Interaction:
        """Somebody types in an option that offers choices; they come as `choices`."""
        user, where = self.world.user(by), self.world.channel(channel)
        return self._acting.autocomplete(name, option, typed, by=user, channel=where)

    def context_menu(
        self, name: str, target: Message | User, *, by: UserRef = "ada"
    ) -> Interaction:
        """Somebody runs a command of the context menu of a message or user."""
        return self._acting.context_menu(name, target, by=self.world.user(by))

    def submit(self, interaction: Interaction, values: Mapping[str, str]) -> Interaction:
        """The person fills in the modal that the bot showed."""
        return self._acting.submit(interaction, values)

    def open_thread(
        self,
        name: str,
        *,
        by: UserRef = "ada",
        message: MessageRef | None = None,
        channel: ChannelRef = "general",
        private: bool = False,
    ) -> Channel:
        """Somebody opens a thread, on a message or without one."""
        owner, threads = self.world.user(by), self._service.threads
        if message is not None:
            return threads.start_from(self.world.message(message), name, owner=owner)
        return threads.start(self.world.channel(channel), name, owner=owner, private=private)

    def archive(self, thread: ChannelRef, *, locked: bool = False) -> None:
        """A thread is archived."""
        changes = {"archived": True, "locked": locked}
        self._service.threads.change(self.world.channel(thread), changes)

    def add_channel(self, name: str, *, type: ChannelType = ChannelType.TEXT) -> Channel:  # noqa: A002
        """A new channel in the guild."""
        channel = self.world.add_channel(self.guild, name, type=type)
        self._service.housekeeping.created(channel)
        return channel

    def delete_channel(self, channel: ChannelRef) -> None:
        """A channel or thread is deleted with all that was said in it."""
        found = self.world.channel(channel)
        if found.is_thread:
            self._service.threads.delete(found)
        else:
            self._service.housekeeping.delete_channel(found)

    def remove_bot(self, guild: Guild | None = None) -> None:
        """The bot is thrown out of the guild."""
        self._service.housekeeping.leave(guild or self.guild, self.bot)

    def add_bot(self, guild: Guild | None = None) -> None:
        """The bot is let in (again)."""
        self._service.housekeeping.join(guild or self.guild, self.bot)

    def close_dm(self, user: UserRef, *, closed: bool = True) -> None:
        """Somebody no longer takes direct messages from the bot."""
        self.world.user(user).takes_dms = not closed

    def revoke_token(self, *, revoked: bool = True) -> None:
        """The bot's token is no longer good, or good again; connections stay open."""
        self._service.token_is_valid = not revoked

    # What people see

    def dm(self, user: UserRef = "ada") -> Channel:
        """The direct message between a user and the bot."""
        return self.world.dm(user)

    def messages(
        self, channel: ChannelRef = "general", *, by: UserRef | None = None
    ) -> tuple[Message, ...]:
        """All messages of a channel, with deleted and ephemeral ones, oldest first; all or somebody's."""
        author = None if by is None else self.world.user(by).id
        found = self.world.channel(channel).messages.values()
        return tuple(each for each in found if author in (None, each.author_id))

    def visible(
        self, channel: ChannelRef = "general", *, to: UserRef | None = None
    ) -> tuple[str, ...]:
        """The texts that people see there, oldest first, and the ephemeral ones that are shown `to` one."""
        person = None if to is None else self.world.user(to).id
        return tuple(
            message.content
            for message in self.messages(channel)
            if message.deleted_at is None and message.seen_by in (None, person)
        )

    def pings(self, *, by: UserRef | None = None) -> tuple[Pinged, ...]:
        """Whom the bot's (or somebody's) posts and edits would ping or mark, by every version."""
        author = self.bot.id if by is None else self.world.user(by).id
        return tuple(
            version.pinged
            for channel in self.world.channels.values()
            for message in channel.messages.values()
            if message.author_id == author
            for version in message.versions
            if version.pinged
        )

    # How it fails

    def fail_next(self, *faults: Fault, times: int | None = 1, route: str | None = None) -> None:
        """Fail the next `times` requests (of a route such as `POST /channels/{}/messages`) with each
        fault in turn; None for always."""
        self._service.faults.arm(*faults, times=times, route=route)

    def clear_faults(self) -> None:
        """Let everything succeed again."""
        self._service.faults.clear()

    def hold(self, route: str | None = None) -> None:
        """Hold requests (of a route) that come from now on, before anything is done."""
        self._service.held_route = route
        self._service.gate.hold()

    def release(self) -> None:
        """Let held requests go on, and hold nothing more."""
        self._service.gate.release()

    @property
    def held(self) -> int:
        """How many requests are being held."""
        return self._service.gate.held

    def drop_gateway(self, *, code: int | None = None) -> None:
        """Break the gateway's connections: with a close code, or without a word."""
        self.gateway.drop(code=code)

    def reconnect(self) -> None:
        """Ask every connection to reconnect (op 7)."""
        self.gateway.ask_to_reconnect()

    def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Tell every connection that its session is invalid (op 9)."""
        self.gateway.invalidate(resumable=resumable)

    def become_zombie(self) -> None:
        """Let the present connections go silent; new ones work."""
        self.gateway.become_zombie()

    def withhold_events(self) -> None:
        """Keep events of the present sessions back until `release_events`."""
        self.gateway.withhold(True)

    def release_events(self) -> None:
        """Send what was kept back."""
        self.gateway.withhold(False)

    def duplicate_last_event(self, name: str | None = None) -> None:
        """Send the last event (such as `MESSAGE_CREATE`) once more."""
        self.gateway.repeat_last(name)

    # Waiting

    async def until(
        self, condition: Callable[[], bool], what: str, *, timeout_s: float = WAIT_S
    ) -> None:
        """Return once the condition holds; it is looked at whenever something changed.

        Raises:
            TimeoutError: it did not in time.
        """
        await self._service.changes.until(condition, what=what, timeout_s=timeout_s)

    async def wait_for_bot(self, sessions: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many gateway sessions are connected. Raises `TimeoutError`."""
        await self.until(
            lambda: self.gateway.connected >= sessions, f"{sessions} sessions", timeout_s=timeout_s
        )

    async def wait_for_held(self, count: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Return once that many requests are being held. Raises `TimeoutError`."""
        await self.until(lambda: self.held >= count, f"{count} held", timeout_s=timeout_s)

    async def wait_for_text(
        self,
        text: str,
        channel: ChannelRef = "general",
        *,
        to: UserRef | None = None,
        timeout_s: float = WAIT_S,
    ) -> Message:
        """The first message there that contains the text, once there is one. Raises `TimeoutError`."""
        person = None if to is None else self.world.user(to).id

        def found() -> Iterable[Message]:
            return (
                message
                for message in self.messages(channel)
                if message.deleted_at is None
                and message.seen_by in (None, person)
                and text in message.content
            )

        await self.until(lambda: any(found()), f"{text!r}", timeout_s=timeout_s)
        return next(iter(found()))

    async def _connect(self, request: web.Request) -> web.StreamResponse:
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
