"""How the simulated Discord can be made to fail, and what can be waited for."""

from collections.abc import Callable

from sandbox.changes import WAIT_S
from sandbox.discord.faults import Fault
from sandbox.discord.gateway import Gateway
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.request_log import SeenRequest
from sandbox.discord.service import Service


class Troubles:
    """Faults, holds, limits and a gateway that misbehaves."""

    def __init__(self, service: Service) -> None:
        self._service = service

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

    def calm(self) -> None:
        """No faults, nothing held or withheld, limits anew, and the requests forgotten; what was said
        stays."""
        self.clear_faults()
        self.release()
        self.release_events()
        self.refuse_gateway(refused=False)
        self._service.limiter.change(self.limits)
        self._service.log.clear()

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

    def refuse_gateway(self, *, refused: bool = True) -> None:
        """Let nobody connect any more, while requests are answered; or again."""
        self.gateway.refusing = refused

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
