"""Whether the service can do its work: named checks, each registered beside the thing it asks."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

Check = Callable[[], bool | Awaitable[object]]
"""A plain one says whether all is well. An awaited one fails by raising or by returning False."""

CHECK_DEADLINE_S: Final = 2.0

PASSED: Final = "ok"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Registered:
    check: Check
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """What each check said: `ok`, or in a few words why not. Safe to show to anybody."""

    checks: dict[str, str]

    @property
    def ready(self) -> bool:
        """Every check passed, and there was one at least."""
        return bool(self.checks) and all(said == PASSED for said in self.checks.values())


class Readiness:
    """The checks that must all pass before the service calls itself ready."""

    def __init__(self) -> None:
        self._registered: dict[str, _Registered] = {}
        self._last: dict[str, str] = {}
        self._running: asyncio.Task[Report] | None = None

    def register(self, name: str, check: Check, *, deadline_s: float = CHECK_DEADLINE_S) -> None:
        """Add a check. Raises ValueError if there is one of this name."""
        if name in self._registered:
            raise ValueError(f"a readiness check named {name!r} is registered already")
        self._registered[name] = _Registered(check, deadline_s)

    async def report(self) -> Report:
        """Ask all checks at once, each within its deadline. Never raises; callers at the same time
        share one round, so that many probes are no load."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._ask_all(), name="readiness")
        return await asyncio.shield(self._running)

    async def _ask_all(self) -> Report:
        names = list(self._registered)
        said = await asyncio.gather(*(self._ask(name) for name in names))
        for name, now in zip(names, said, strict=True):
            self._log_change(name, now)
        return Report(dict(zip(names, said, strict=True)))

    async def _ask(self, name: str) -> str:
        registered = self._registered[name]
        task = asyncio.ensure_future(_verdict(registered.check))
        # Not `wait_for`: it would wait for a check that swallows its cancellation.
        await asyncio.wait({task}, timeout=registered.deadline_s)
        if not task.done():
            task.cancel()
            return f"no answer within {registered.deadline_s:g} s"
        return _said(name, task)

    def _log_change(self, name: str, now: str) -> None:
        before, self._last[name] = self._last.get(name, PASSED), now
        if now != before:
            _log.warning("readiness changed", check=name, before=before, now=now)


async def _verdict(check: Check) -> object:
    result = check()
    return await result if inspect.isawaitable(result) else result


def _said(name: str, task: "asyncio.Future[object]") -> str:
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    if error is not None:
        _log.debug("a readiness check failed", check=name, exc_info=error)
        return f"failed ({type(error).__name__})"
    return "not ready" if task.result() is False else PASSED
