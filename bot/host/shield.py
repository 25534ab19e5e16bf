"""The shield: the one way in which the host calls plugin code.

Whatever the code does, the caller gets a result, a `Told`, or a `PluginFailed`, at the deadline at the
latest. A handler that swallows its cancellation is left behind and counted.
"""

import asyncio
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, Protocol

import structlog

from bot.breaker import Blame, Breaker, BreakerState
from bot.claude.books import NotNow
from bot.host.errors import LoopBlocked, PluginFailed, PluginHindered, PluginResting, PluginTimedOut
from bot.host.threads import in_thread
from bot.plugins.errors import Told
from bot.vocabulary import Clock
from storage.errors import BudgetExceeded, Unpriced

log = structlog.get_logger(__name__)

GRACE_S = 0.5
"""How long a cancelled handler may take to clean up before it is left behind."""

COOL_DOWN_S = 30.0
MAX_COOL_DOWN_S = 600.0

HINDRANCES = (BudgetExceeded, Unpriced, NotNow)
"""What keeps plugin code from asking Claude, and is not its fault."""

running: ContextVar[str | None] = ContextVar("running_plugin", default=None)
"""The plugin whose code this is, for logs."""


class CallOutcome(StrEnum):
    """How a call of plugin code ended."""

    OK = "ok"
    TOLD = "told"
    """It has something to say to the person."""
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    RESTING = "resting"
    """It was not made: the plugin is left alone for now."""


class Watch(Protocol):
    """Hears how calls went: metrics."""

    def plugin_called(
        self, plugin: str, what: str, outcome: CallOutcome, duration_s: float
    ) -> None:
        """A call ended."""

    def plugin_left_behind(self, plugin: str, running: int) -> None:
        """So many handlers of the plugin go on although nobody waits for them."""


class Shield:
    """Calls the code of one plugin."""

    def __init__(self, *, plugin: str, clock: Clock, watch: Watch) -> None:
        self.plugin = plugin
        self.left_behind: set[asyncio.Task[Any]] = set()
        """Handlers that swallowed their cancellation and still run."""
        self._clock = clock
        self._watch = watch
        self._breaker = Breaker(
            name=plugin,
            clock=clock,
            judge=_blame,
            refuse=self._resting,
            cool_down_s=COOL_DOWN_S,
            max_cool_down_s=MAX_COOL_DOWN_S,
            on_change=self._changed,
        )

    @property
    def state(self) -> BreakerState:
        """Whether the plugin is being called."""
        return self._breaker.state

    async def call(self, what: str, handler: Callable[[], Any], *, timeout_s: float) -> Any:
        """What the handler returns, its arguments being bound. A plain function runs in a thread.

        Raises:
            Told: the handler has something to say to the person.
            PluginFailed: it failed, took too long, or is left alone for now.
        """
        started, outcome = self._clock.monotonic(), CallOutcome.FAILED
        try:
            with self._breaker.watch():
                result = await self._bounded(what, _coroutine(handler), timeout_s)
            outcome = CallOutcome.OK
            return result
        except Told:
            outcome = CallOutcome.TOLD
            raise
        except PluginTimedOut:
            outcome = CallOutcome.TIMED_OUT
            raise
        except PluginResting:
            outcome = CallOutcome.RESTING
            raise
        finally:
            duration_s = self._clock.monotonic() - started
            self._watch.plugin_called(self.plugin, what, outcome, duration_s)

    async def _bounded(self, what: str, work: Any, timeout_s: float) -> Any:
        task = asyncio.create_task(self._contained(what, work), name=f"{self.plugin}: {what}")
        try:  # in real time: nobody must be held up because a test's clock stands still
            await asyncio.wait({task}, timeout=timeout_s)
        except asyncio.CancelledError:
            await self._end(task)
            raise
        if not task.done():
            await self._end(task)
            log.error("plugin took too long", plugin=self.plugin, what=what, timeout_s=timeout_s)
            raise PluginTimedOut(self.plugin, what, f"did not come back within {timeout_s:g} s")
        if task.cancelled():
            raise PluginFailed(self.plugin, what, "cancelled itself")
        return task.result()

    async def _contained(self, what: str, work: Any) -> Any:
        """Nothing but a result, `Told`, `PluginFailed` or a cancellation comes out of here: a task from
        which `SystemExit` comes would end the whole process."""
        running.set(self.plugin)
        try:
            return await work
        except (Told, asyncio.CancelledError):
            raise
        except LoopBlocked as error:
            raise PluginFailed(self.plugin, what, f"was broken off: {error}") from error
        except HINDRANCES as error:
            raise PluginHindered(self.plugin, what, f"could not go on: {error}") from error
        except BaseException as error:
            log.error("plugin failed", plugin=self.plugin, what=what, exc_info=error)
            raise PluginFailed(self.plugin, what, f"failed: {type(error).__name__}") from error

    async def _end(self, task: "asyncio.Task[Any]") -> None:
        """Cancel a handler; if it does not end, leave it behind."""
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE_S)
        if task.done():
            if not task.cancelled():
                task.exception()  # seen
            return
        self.left_behind.add(task)
        task.add_done_callback(self._ended_after_all)
        self._watch.plugin_left_behind(self.plugin, len(self.left_behind))
        log.error("plugin ignores its cancellation and is left behind", plugin=self.plugin)

    def _ended_after_all(self, task: "asyncio.Task[Any]") -> None:
        self.left_behind.discard(task)
        if not task.cancelled():
            task.exception()
        self._watch.plugin_left_behind(self.plugin, len(self.left_behind))

    def _resting(self, left_s: float) -> PluginResting:
        why = f"failed repeatedly and is left alone for {left_s:.0f} s more"
        return PluginResting(self.plugin, "code", why)

    def _changed(self, plugin: str, state: BreakerState) -> None:
        log.warning("plugin breaker", plugin=plugin, state=state.value)


async def _coroutine(handler: Callable[[], Any]) -> Any:
    if inspect.iscoroutinefunction(handler):
        return await handler()
    result = await in_thread(handler, name="plugin code")
    return await result if inspect.isawaitable(result) else result


def _blame(error: BaseException) -> Blame:
    if isinstance(error, PluginHindered):
        return Blame.NONE
    if isinstance(error, PluginFailed):
        return Blame.FAILED
    return Blame.WORKS if isinstance(error, Told) else Blame.NONE
