"""How it is set up, and how it fails: limits, faults, held calls, lost and repeated deliveries."""

from collections.abc import Sequence

from sandbox.slack.announcer import MentionOrder
from sandbox.slack.envelopes import Redelivery
from sandbox.slack.faults import Fault, Faults
from sandbox.slack.holds import Stage
from sandbox.slack.http_push import HttpPush
from sandbox.slack.limits import RateLimits
from sandbox.slack.platform import Platform


class Failing:
    """Settings and misfortunes."""

    _platform: Platform

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

    def change_settings(
        self,
        *,
        limits: RateLimits | None = None,
        redelivery: Redelivery | None = None,
        stream_lifetime_s: float | None = None,
        mention_first: bool | None = None,
    ) -> None:
        """Change what is given; None leaves it."""
        if limits is not None:
            self.limits = limits
        if redelivery is not None:
            self.redelivery = redelivery
        if stream_lifetime_s is not None:
            self.stream_lifetime_s = stream_lifetime_s
        if mention_first is not None:
            first, second = MentionOrder.MENTION_FIRST, MentionOrder.MESSAGE_FIRST
            self.mention_order = first if mention_first else second

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
        if self._platform.push is not None:
            self._platform.push.withhold_acks(times)

    def push_to(self, url: str | None) -> None:
        """Send events to that address from now on, signed; None goes back to sockets."""
        platform = self._platform
        if url is None:
            platform.push = None
            platform.courier.route = platform.sockets
            return
        platform.push = HttpPush(
            clock=platform.clock, ids=platform.ids, app=platform.world.app, url=url
        )
        platform.courier.route = platform.push

    async def verify_url(self) -> bool:
        """Send the challenge that Slack sends when an address is entered; whether it was met."""
        push = self._platform.push
        if push is None:
            raise ValueError("there is no address yet: `push_to` one")
        return await push.verify(within_s=self.redelivery.ack_within_s)

    def forge_signatures(self, times: int = 1) -> None:
        """Sign the next requests to the address wrongly."""
        if self._platform.push is None:
            raise ValueError("there is no address yet: `push_to` one")
        self._platform.push.forge(times)

    def unsubscribe(self, events: Sequence[str]) -> None:
        """The events that the app is not subscribed to, instead of those before, such as
        `message.channels` or `agent_session_stopped`."""
        self._platform.announcer.unsubscribed = frozenset(events)

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
