"""The gateway: sessions, and what they are told.

https://discord.com/developers/docs/events/gateway
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.vocabulary import Clock
from sandbox.changes import Changes
from sandbox.discord.dispatch import Dispatch
from sandbox.discord.intents import (
    PRIVILEGED,
    Intents,
    application_flags,
    needed_for,
    without_content,
)
from sandbox.discord.payloads import guild_create_payload, user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.session import Session
from sandbox.discord.snowflakes import shard_of
from sandbox.discord.world import World

if TYPE_CHECKING:
    from sandbox.discord.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRules:
    """How the gateway behaves. The defaults suit tests; `for_people` is as Discord has it."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    heartbeat_s: float = 41.25
    granted: int = int(PRIVILEGED)
    """Which privileged intents the developer portal grants."""
    shards: int = 1
    """How many it recommends."""
    session_starts: int = 1_000
    """How many identifies a day has."""
    max_concurrency: int = 1
    identify_every_s: float = 0.0
    resume_within_s: float = 180.0

    @classmethod
    def for_people(cls) -> "GatewayRules":
        """Five seconds between identifies."""
        return cls(identify_every_s=5.0)


class Gateway:
    """All sessions and connections of the bot."""

    def __init__(
        self,
        *,
        clock: Clock,
        world: Callable[[], World],
        changes: Changes,
        rules: GatewayRules,
        random_bits: Callable[[int], int],
    ) -> None:
        self._clock = clock
        self._world = world
        self._changes = changes
        self._random_bits = random_bits
        self._last_identify_s: dict[int, float] = {}
        self.rules = rules
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        self.identifies = 0
        self.resumes = 0
        self.refusing = False
        """Whether new connections are refused with status 503."""
        self.address = ""
        """Where it listens, `ws://…`."""

    # What happens

    def tell(self, dispatch: Dispatch) -> None:
        """Tell every session that is to know."""
        if not self._bot_sees(dispatch):
            return
        for session in self.sessions.values():
            direct = dispatch.guild_id is None
            if shard_of(dispatch.guild_id, session.shard_count) != session.shard_id:
                continue
            if needed_for(dispatch.name, direct=direct) not in session.intents:
                continue
            session.dispatch(dispatch.name, self._fitted(dispatch, session))

    # What connections ask

    def new_session(self, *, token: str, intents: Intents, shard: tuple[int, int]) -> Session:
        """A session that nobody is connected to yet."""
        self.identifies += 1
        session = Session(
            id=f"{self._random_bits(128):032x}",
            token=token,
            intents=intents,
            shard_id=shard[0],
            shard_count=shard[1],
        )
        self.sessions[session.id] = session
        self._changes.announce()
        return session

    def greet(self, session: Session) -> None:
        """READY, then each guild."""
        world = self._world()
        guilds = [
            guild
            for guild in world.bot_guilds()
            if shard_of(guild.id, session.shard_count) == session.shard_id
        ]
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": user_payload(world.bot),
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "private_channels": [],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": f"{self.address}/resume",
                "shard": [session.shard_id, session.shard_count],
                "application": {
                    "id": str(world.application_id),
                    "flags": application_flags(Intents(self.rules.granted)),
                },
            },
        )
        if Intents.GUILDS in session.intents:
            for guild in guilds:
                shown = guild_create_payload(world, guild) | {"unavailable": False}
                session.dispatch("GUILD_CREATE", shown)

    def resumable(self, session_id: str, token: str) -> Session | None:
        """The session, if it can be resumed; one that nobody came back to in time is forgotten."""
        session = self.sessions.get(session_id)
        if session is None or session.token != token:
            return None
        gone_since = session.disconnected_at
        within = timedelta(seconds=self.rules.resume_within_s)
        if gone_since is not None and self._clock.now() - gone_since > within:
            del self.sessions[session_id]
            return None
        return session

    def may_identify(self, shard_id: int) -> bool:
        """Whether one more identify is allowed now; counts it if so."""
        place = shard_id % self.rules.max_concurrency
        now_s = self._clock.monotonic()
        last_s = self._last_identify_s.get(place)
        if last_s is not None and now_s - last_s < self.rules.identify_every_s:
            return False
        if self.session_starts_left <= 0:
            return False
        self._last_identify_s[place] = now_s
        return True

    @property
    def session_starts_left(self) -> int:
        """How many identifies are left."""
        return max(0, self.rules.session_starts - self.identifies)

    def opened(self, connection: "Connection") -> None:
        """A connection opened."""
        self.connections.append(connection)
        self._changes.announce()

    def closed(self, connection: "Connection") -> None:
        """A connection closed; its session waits for a resume."""
        self.connections.remove(connection)
        session = connection.session
        if session is not None and session.push == connection.push:
            session.detach(self._clock.now())
        self._changes.announce()

    def resumed(self, session: Session) -> None:
        """A session was resumed: the last word of the replay."""
        self.resumes += 1
        session.dispatch("RESUMED", {"_trace": []})
        self._changes.announce()

    def forget(self, session: Session) -> None:
        """The session is over."""
        self.sessions.pop(session.id, None)

    # What a test does

    @property
    def connected(self) -> int:
        """How many connections have a session."""
        return sum(1 for each in self.connections if each.session is not None)

    def drop(self, *, code: int | None = None) -> None:
        """Break every connection: with this close code, or without a word."""
        for connection in list(self.connections):
            connection.drop(code)

    def ask_to_reconnect(self) -> None:
        """Send Reconnect (op 7) to everybody."""
        for connection in self.connections:
            connection.push({"op": 7, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send Invalid Session (op 9) to everybody; unless resumable, the sessions are over."""
        for connection in self.connections:
            connection.push({"op": 9, "d": resumable})
        if not resumable:
            self.sessions.clear()

    def become_zombie(self) -> None:
        """Let the present connections go silent: nothing is sent, not even acknowledgements."""
        for connection in self.connections:
            connection.zombie = True

    def withhold(self, withheld: bool) -> None:
        """Keep events back from now on, or send what was kept back."""
        for session in self.sessions.values():
            if withheld:
                session.withheld = True
            else:
                session.release()

    def repeat_last(self, name: str | None = None) -> None:
        """Send the last event (of that name) once more, as replays do."""
        for session in self.sessions.values():
            session.repeat_last(name)

    def change(self, **changes: Any) -> None:
        """Other rules from now on, such as `granted=0`."""
        self.rules = replace(self.rules, **changes)

    def _bot_sees(self, dispatch: Dispatch) -> bool:
        world = self._world()
        if dispatch.channel_id is not None:
            channel = world.channels[dispatch.channel_id]
            return world.may(world.bot.id, channel, Permission.VIEW_CHANNEL)
        if dispatch.guild_id is not None and dispatch.name != "GUILD_DELETE":
            return world.bot.id in world.guilds[dispatch.guild_id].members
        return True

    def _fitted(self, dispatch: Dispatch, session: Session) -> Mapping[str, Any]:
        is_message = dispatch.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
        if not is_message or dispatch.guild_id is None:
            return dispatch.data
        if Intents.MESSAGE_CONTENT in session.intents:
            return dispatch.data
        return without_content(dispatch.data, self._world().bot.id)
