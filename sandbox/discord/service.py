"""The simulated Discord behind its faces: everything it knows, remembers and was told to do."""

from collections.abc import Callable

from bot.vocabulary import Clock
from sandbox.changes import Changes, Gate
from sandbox.discord.commands import Commands
from sandbox.discord.faults import Faults
from sandbox.discord.gateway import Gateway, GatewayRules
from sandbox.discord.housekeeping import Housekeeping
from sandbox.discord.interactions import Interactions
from sandbox.discord.posting import Posting
from sandbox.discord.rate_limits import RateLimiter, RateLimits
from sandbox.discord.request_log import RequestLog
from sandbox.discord.threads import Threads
from sandbox.discord.world import World
from sandbox.feed import Feed


class Service:
    """State and verbs that the endpoints share."""

    def __init__(
        self,
        *,
        clock: Clock,
        random_bits: Callable[[int], int],
        limits: RateLimits,
        rules: GatewayRules,
    ) -> None:
        self.clock = clock
        self.changes = Changes("Discord")
        self.feed = Feed(clock=clock, changes=self.changes)
        self.gate = Gate(self.changes)
        self.held_route: str | None = None
        self.faults = Faults()
        self.limiter = RateLimiter(clock, limits)
        self.log = RequestLog(self.changes)
        self.token_is_valid = True
        self.gateway = Gateway(
            clock=clock,
            world=lambda: self.world,
            changes=self.changes,
            rules=rules,
            random_bits=random_bits,
        )
        self.world = World(clock=clock, tell=self.gateway.tell, note=self.feed.add)
        self.posting = Posting(self.world)
        self.housekeeping = Housekeeping(self.world)
        self.threads = Threads(self.world, self.posting)
        self.commands = Commands(self.world)
        self.interactions = Interactions(self.world, self.posting, random_bits=random_bits)

    def accepts(self, token: str) -> bool:
        """Whether a token is good: any is that does not say `invalid`, unless all were revoked."""
        return self.token_is_valid and bool(token) and "invalid" not in token
