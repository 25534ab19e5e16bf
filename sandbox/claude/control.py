"""The same controls over HTTP, so that another process can script the simulated Claude.

All under `/_control`, JSON both ways. `RemoteClaude` speaks it.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from aiohttp import web
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from sandbox.changes import WAIT_S
from sandbox.claude.bill import Bill
from sandbox.claude.errors import ApiError, invalid
from sandbox.claude.faults import Fault
from sandbox.claude.limits import RateLimits
from sandbox.claude.pace import Pace
from sandbox.claude.provider import Provider
from sandbox.claude.request_log import SeenRequest
from sandbox.claude.script import Reply
from sandbox.wire import BadJson, adapter_of, read_object

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ReplyOrder:
    """Script replies: `next` ones for use once, `when` rules, or the `always` one."""

    replies: tuple[Reply, ...]
    use: str = "next"
    when: str | None = None
    regex: bool = False
    model: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class FaultOrder:
    """Arm faults, as `Faults.arm` does."""

    faults: tuple[Fault, ...]
    times: int | None = 1
    model: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class HoldOrder:
    """Hold replies, as `SimulatedClaude.hold` does."""

    after_chunks: int | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class BatchOrder:
    """What becomes of message batches: `hold` them `after` so many results, `release` or `expire` them."""

    do: Literal["hold", "release", "expire"]
    after: int = 0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class WaitOrder:
    """Wait until at least that many of each have been seen."""

    requests: int = 0
    held: int = 0
    disconnects: int = 0
    billed: int = 0
    timeout_s: float = WAIT_S


class Control:
    """The control endpoints."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self) -> list[web.RouteDef]:
        """The routes of the controls."""
        return [
            web.post("/_control/replies", self.add_replies),
            web.delete("/_control/replies", self.clear_replies),
            web.post("/_control/faults", self.arm_faults),
            web.delete("/_control/faults", self.clear_faults),
            web.put("/_control/pace", self.set_pace),
            web.put("/_control/limits", self.set_limits),
            web.post("/_control/hold", self.hold),
            web.post("/_control/release", self.release),
            web.post("/_control/batches", self.batches),
            web.post("/_control/reset", self.reset),
            web.post("/_control/wait", self.wait),
            web.get("/_control/state", self.state),
            web.get("/_control/requests", self.requests),
            web.get("/_control/bill", self.bill),
        ]

    async def add_replies(self, request: web.Request) -> web.Response:
        """POST a `ReplyOrder`."""
        order = await _parse(request, ReplyOrder)
        pattern = re.compile(order.when) if order.regex and order.when else order.when
        script = self._provider.script
        if order.use == "next":
            script.next(*order.replies, when=pattern, model=order.model)
        elif order.use == "when" and pattern is not None and order.replies:
            script.when(pattern, *order.replies, model=order.model)
        elif order.use == "always" and len(order.replies) == 1:
            script.always(order.replies[0])
        else:
            raise invalid("use", "is next, when (with a pattern) or always (with one reply)")
        return _done()

    async def clear_replies(self, request: web.Request) -> web.Response:
        """DELETE all scripted replies."""
        self._provider.script.clear()
        return _done()

    async def arm_faults(self, request: web.Request) -> web.Response:
        """POST a `FaultOrder`."""
        order = await _parse(request, FaultOrder)
        self._provider.faults.arm(*order.faults, times=order.times, model=order.model)
        return _done()

    async def clear_faults(self, request: web.Request) -> web.Response:
        """DELETE all armed faults."""
        self._provider.faults.clear()
        return _done()

    async def set_pace(self, request: web.Request) -> web.Response:
        """PUT a `Pace`."""
        self._provider.pace = await _parse(request, Pace)
        return _done()

    async def set_limits(self, request: web.Request) -> web.Response:
        """PUT `RateLimits`."""
        self._provider.limiter.change(await _parse(request, RateLimits))
        return _done()

    async def hold(self, request: web.Request) -> web.Response:
        """POST a `HoldOrder`."""
        order = await _parse(request, HoldOrder)
        self._provider.gate.hold(order.after_chunks)
        return _done()

    async def release(self, request: web.Request) -> web.Response:
        """POST: let held replies go on."""
        self._provider.gate.release()
        return _done()

    async def batches(self, request: web.Request) -> web.Response:
        """POST a `BatchOrder`."""
        order = await _parse(request, BatchOrder)
        match order.do:
            case "hold":
                self._provider.batches.hold(order.after)
            case "release":
                self._provider.batches.release()
            case _:
                self._provider.batches.expire(self._provider.clock.now())
        return _done()

    async def reset(self, request: web.Request) -> web.Response:
        """POST: back to the beginning."""
        self._provider.reset()
        return _done()

    async def wait(self, request: web.Request) -> web.Response:
        """POST a `WaitOrder`; answers with the state, or 408 if it did not come about."""
        order = await _parse(request, WaitOrder)
        wanted = {
            "requests": order.requests,
            "held": order.held,
            "disconnects": order.disconnects,
            "billed": order.billed,
        }

        def met() -> bool:
            state = self._state()
            return all(state[name] >= count for name, count in wanted.items())

        try:
            await self._provider.changes.until(met, what=str(wanted), timeout_s=order.timeout_s)
        except TimeoutError as error:
            raise ApiError(408, str(error)) from error
        return web.json_response(self._state())

    async def state(self, request: web.Request) -> web.Response:
        """GET the counts that can be waited for, and how many requests are running."""
        return web.json_response(self._state())

    async def requests(self, request: web.Request) -> web.Response:
        """GET the message requests seen so far."""
        return _json(adapter_of(tuple[SeenRequest, ...]).dump_json(self._provider.log.seen))

    async def bill(self, request: web.Request) -> web.Response:
        """GET the bill."""
        return _json(adapter_of(Bill).dump_json(self._provider.bill()))

    def _state(self) -> Mapping[str, int]:
        provider = self._provider
        return {
            "requests": provider.log.count,
            "disconnects": provider.log.disconnects,
            "held": provider.gate.held,
            "running": provider.running,
            "billed": len(provider.bill().rows),
        }


async def _parse(request: web.Request, kind: Any) -> Any:
    try:
        return adapter_of(kind).validate_python(read_object(await request.read() or b"{}"))
    except (BadJson, ValidationError) as error:
        raise invalid("", str(error)) from error


def _json(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="application/json")


def _done() -> web.Response:
    return web.json_response({"ok": True})
