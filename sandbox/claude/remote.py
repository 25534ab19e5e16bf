"""A simulated Claude in another process, with the same controls."""

import re
from typing import Any, Self

from pydantic import TypeAdapter

from sandbox.changes import WAIT_S
from sandbox.claude.bill import Bill
from sandbox.claude.faults import Fault
from sandbox.claude.limits import RateLimits
from sandbox.claude.pace import Pace
from sandbox.claude.request_log import SeenRequest
from sandbox.claude.script import Reply
from sandbox.remote import RemoteSimulator, SimulatorProcess


class RemoteClaude(RemoteSimulator):
    """Controls a simulated Claude over HTTP: `async with RemoteClaude(base_url) as claude`."""

    service = "Claude"

    async def reply_next(
        self,
        *replies: Reply | str,
        when: str | re.Pattern[str] | None = None,
        model: str | None = None,
    ) -> None:
        """`Script.next`."""
        await self._order("next", replies, when, model)

    async def reply_when(
        self, pattern: str | re.Pattern[str], *replies: Reply | str, model: str | None = None
    ) -> None:
        """`Script.when`."""
        await self._order("when", replies, pattern, model)

    async def reply_always(self, reply: Reply | str) -> None:
        """`Script.always`."""
        await self._order("always", (reply,), None, None)

    async def clear_replies(self) -> None:
        """`Script.clear`."""
        await self._call("DELETE", "replies")

    async def fail_next(
        self, *faults: Fault, times: int | None = 1, model: str | None = None
    ) -> None:
        """`SimulatedClaude.fail_next`."""
        written = [_plain(Fault, fault) for fault in faults]
        await self._call("POST", "faults", {"faults": written, "times": times, "model": model})

    async def clear_faults(self) -> None:
        """`Faults.clear`."""
        await self._call("DELETE", "faults")

    async def set_pace(self, pace: Pace) -> None:
        """How fast it writes from now on."""
        await self._call("PUT", "pace", _plain(Pace, pace))

    async def set_limits(self, limits: RateLimits) -> None:
        """Its rate limits from now on."""
        await self._call("PUT", "limits", _plain(RateLimits, limits))

    async def hold(self, after_chunks: int | None = None) -> None:
        """`SimulatedClaude.hold`."""
        await self._call("POST", "hold", {"after_chunks": after_chunks})

    async def release(self) -> None:
        """`SimulatedClaude.release`."""
        await self._call("POST", "release")

    async def hold_batches(self, after: int = 0) -> None:
        """`Batches.hold`."""
        await self._call("POST", "batches", {"do": "hold", "after": after})

    async def release_batches(self) -> None:
        """`Batches.release`."""
        await self._call("POST", "batches", {"do": "release"})

    async def expire_batches(self) -> None:
        """`SimulatedClaude.expire_batches`."""
        await self._call("POST", "batches", {"do": "expire"})

    async def reset(self) -> None:
        """`SimulatedClaude.reset`."""
        await self._call("POST", "reset")

    async def wait_for(
        self,
        *,
        requests: int = 0,
        held: int = 0,
        disconnects: int = 0,
        billed: int = 0,
        timeout_s: float = WAIT_S,
    ) -> None:
        """Return once at least that many of each have been seen. Raises `TimeoutError`."""
        await self._call(
            "POST",
            "wait",
            {
                "requests": requests,
                "held": held,
                "disconnects": disconnects,
                "billed": billed,
                "timeout_s": timeout_s,
            },
        )

    async def state(self) -> dict[str, int]:
        """The counts that can be waited for, and how many requests are running."""
        found: dict[str, int] = await self._call("GET", "state")
        return found

    async def requests(self) -> tuple[SeenRequest, ...]:
        """The message requests it got, oldest first."""
        return TypeAdapter(tuple[SeenRequest, ...]).validate_python(
            await self._call("GET", "requests")
        )

    async def bill(self) -> Bill:
        """What it would charge."""
        return TypeAdapter(Bill).validate_python(await self._call("GET", "bill"))

    async def _order(
        self,
        use: str,
        replies: tuple[Reply | str, ...],
        when: str | re.Pattern[str] | None,
        model: str | None,
    ) -> None:
        whole = [Reply(reply) if isinstance(reply, str) else reply for reply in replies]
        regex = isinstance(when, re.Pattern)
        await self._call(
            "POST",
            "replies",
            {
                "use": use,
                "replies": [_plain(Reply, reply) for reply in whole],
                "when": when.pattern if isinstance(when, re.Pattern) else when,
                "regex": regex,
                "model": model,
            },
        )


class ClaudeProcess(SimulatorProcess, RemoteClaude):
    """A simulated Claude started as a process of its own: `async with ClaudeProcess() as claude`.

    It outlives what is killed around it, and its work does not count as the bot's.
    """

    module = "sandbox.claude"

    def __init__(self, *, port: int = 0, pace: Pace | None = None) -> None:
        super().__init__(port=port, options=("--instant",))
        self._pace = pace

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._pace is not None:
            await self.set_pace(self._pace)
        return self


def _plain(kind: type[Any], value: object) -> Any:
    return TypeAdapter[Any](kind).dump_python(value, mode="json")
