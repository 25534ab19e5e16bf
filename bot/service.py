"""The running service: what is started in which order, and how it is brought to an orderly end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Any

import structlog

from bot.claude.client import ClaudeClient
from bot.engine.buffered_intake import BufferedIntake
from bot.engine.dispatcher import Dispatcher
from bot.engine.intake import EngineIntake
from bot.engine.taking_over import free_what_was_held
from bot.host.running import RunningPlugins
from bot.ports import Adapter, PlatformError
from bot.scheduler import Scheduler
from bot.telemetry.loop_lag import LoopLag
from bot.telemetry.tracing import Tracing
from bot.vocabulary import Clock
from bot.web.server import WebServer
from config.sections import EngineSettings
from storage.database import Database
from storage.errors import NoDatabase, SchemaTooNew, StorageError

log = structlog.get_logger(__name__)

DATABASE_RETRY_S = 2.0
LOOK_AGAIN_S = 0.1
FIRST_RESTART_S = 1.0
LONGEST_RESTART_S = 60.0

Run = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""

_NOTHING: Mapping[str, Run] = MappingProxyType({})


class ServiceFailed(Exception):
    """Nothing is left that could run; the message says why and what to do."""


class Service:
    """Everything that runs, made by `bot.app.build`. Run it once."""

    def __init__(
        self,
        *,
        settings: EngineSettings,
        clock: Clock,
        database: Database,
        prepare: Callable[[Database], Awaitable[object]],
        claude: ClaudeClient,
        dispatcher: Dispatcher,
        intake: EngineIntake,
        adapters: Mapping[str, Adapter],
        plugins: RunningPlugins,
        scheduler: Scheduler,
        loop_lag: LoopLag,
        tracing: Tracing,
        web: WebServer | None,
        background: Mapping[str, Run] = _NOTHING,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._database = database
        self._prepare = prepare
        self._claude = claude
        self._dispatcher = dispatcher
        self._intake = intake
        self._adapters = adapters
        self._plugins = plugins
        self._scheduler = scheduler
        self._loop_lag = loop_lag
        self._tracing = tracing
        self._web = web
        self._background = background
        self._warmed = asyncio.Event()
        self.stopping = False
        """It has been told to stop, and takes no more work."""

    async def serving(self) -> str:
        """Wait until it serves its web pages; their address. Only of a service that has some."""
        assert self._web is not None, "this service has no web pages"
        return await self._web.serving()

    async def warmed(self) -> None:
        """Wait until all that is slow to import is there."""
        await self._warmed.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set or every adapter has come to its end, then shut down in order.

        Raises:
            WebServerError: PARLEY_HTTP can't be had.
            ServiceFailed: no platform can work as configured.
            StorageError: the database belongs to a newer release, or is none.
        """
        async with self._letting_go(self._web):
            if await self._prepared(stop):
                async with self._plugins.running():
                    await self._work(stop)

    async def work_off(self, done: Callable[[], Awaitable[bool]], *, within_s: float) -> bool:
        """Without listening to any platform, take up what waits in the inbox until `done`, at most for so
        long; whether it was. Run it once, in place of `run`. Raises `StorageError`."""
        async with self._letting_go():
            await self._make_ready()
            async with self._plugins.running():
                return await self._dispatch_until(done, within_s)

    @asynccontextmanager
    async def _letting_go(self, web: WebServer | None = None) -> AsyncIterator[None]:
        """At the end, let go of everything; what others need until then comes last. Meanwhile `web`
        serves, and answers until the platforms are left."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._tracing.close)
            stack.push_async_callback(self._database.close)
            if web is not None:
                await web.start()
                stack.push_async_callback(web.stop)
            for adapter in self._adapters.values():
                stack.push_async_callback(adapter.aclose)
            stack.push_async_callback(self._claude.aclose)
            yield

    async def _dispatch_until(self, done: Callable[[], Awaitable[bool]], within_s: float) -> bool:
        dispatching = asyncio.create_task(self._dispatcher.run(), name="dispatcher")
        deadline = self._clock.monotonic() + within_s
        try:
            while not (over := await done()) and self._clock.monotonic() < deadline:
                await self._clock.sleep(LOOK_AGAIN_S)
            return over
        finally:
            self.stopping = True
            await _cancel([dispatching])
            await self._dispatcher.drain(self._settings.shutdown_s)

    async def _prepared(self, stop: asyncio.Event) -> bool:
        """Wait for the database and bring its tables up to date; false if stopped before that."""
        while not stop.is_set():
            try:
                await _unless(stop, self._make_ready())
            except (NoDatabase, SchemaTooNew):
                raise
            except StorageError as error:
                log.error("the database is not there yet", error=str(error))
                await _first(stop.wait(), self._clock.sleep(DATABASE_RETRY_S))
            else:
                return not stop.is_set()
        return False

    async def _make_ready(self) -> None:
        await self._prepare(self._database)
        await self._database.synchronise_clock()
        await free_what_was_held(self._database)

    async def _work(self, stop: asyncio.Event) -> None:
        background = [
            asyncio.create_task(each, name=name)
            for name, each in (
                ("dispatcher", self._dispatcher.run()),
                ("scheduler", self._scheduler.run()),
                ("loop lag", self._loop_lag.run()),
                *((name, run()) for name, run in self._background.items()),
            )
        ]
        platforms = asyncio.create_task(self._run_adapters(), name="platforms")
        stopping = asyncio.create_task(stop.wait(), name="stopping")
        warming = asyncio.create_task(self._warm(), name="warming")
        try:
            await _first_of({*background, platforms, stopping})
        finally:
            self.stopping = True
            await _cancel([stopping, warming, platforms, *background])
            await self._dispatcher.drain(self._settings.shutdown_s)
        for task in (platforms, *background):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _warm(self) -> None:
        await self._claude.warm()
        self._warmed.set()

    async def _run_adapters(self) -> None:
        if not self._adapters:
            await asyncio.Event().wait()
        failures = await asyncio.gather(
            *(self._run_adapter(each) for each in self._adapters.values())
        )
        problems = [failure for failure in failures if failure is not None]
        if problems and len(problems) == len(self._adapters):
            raise ServiceFailed("\n".join(problems))

    async def _run_adapter(self, adapter: Adapter) -> str | None:
        """Run an adapter to its end, again after a defect; why it can't work, or None."""
        keeps = not adapter.capabilities.redelivers
        intake = BufferedIntake(self._intake, clock=self._clock, keeps=keeps)
        delay_s = FIRST_RESTART_S
        try:
            while True:
                started = self._clock.monotonic()
                try:
                    await adapter.run(intake)
                    return None
                except PlatformError as error:
                    log.error(
                        "platform can't work as configured", platform=adapter.name, why=str(error)
                    )
                    return f"{adapter.name}: {error}"
                except Exception:
                    log.exception(
                        "platform adapter failed; it is started again", platform=adapter.name
                    )
                    if self._clock.monotonic() - started > LONGEST_RESTART_S:
                        delay_s = FIRST_RESTART_S
                    await self._clock.sleep(delay_s)
                    delay_s = min(delay_s * 2, LONGEST_RESTART_S)
        finally:
            await intake.aclose()


async def _first(*works: Coroutine[Any, Any, object]) -> None:
    tasks = {asyncio.ensure_future(work) for work in works}
    await _first_of(tasks)
    await _cancel(tasks)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Await `work`, or give it up when `stop` is set: a database may keep silent for long."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await _first_of({working, stopping})
    finally:
        await _cancel([working, stopping])
    if not working.cancelled():
        working.result()


async def _first_of(tasks: "set[asyncio.Task[Any]]") -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
