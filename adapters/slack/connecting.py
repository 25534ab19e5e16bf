"""Being connected: sockets or HTTP, and what was missed while it was not so."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import structlog
from slack_bolt.app.async_app import AsyncApp

from adapters.slack.api import Connection
from adapters.slack.catch_up import CatchUp
from adapters.slack.credentials import SlackConfig
from adapters.slack.doctor import open_socket
from adapters.slack.errands import Errands
from adapters.slack.http import HttpFront
from adapters.slack.inlet import Inlet
from adapters.slack.sockets import Sockets
from adapters.slack.workspaces import Workspaces
from bot.ports import Intake, IntakeUnavailable, PlatformBusy, PlatformError, PlatformUnavailable
from bot.vocabulary import Clock

log = structlog.get_logger(__name__)

T = TypeVar("T")

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 30.0
ALIVE_S: Final = 30.0
LOOK_S: Final = 0.1
AGAIN_S: Final = 5.0
BEFORE_GAP: Final = timedelta(seconds=30)


class Connecting:
    """Runs the way in."""

    def __init__(
        self,
        *,
        config: SlackConfig,
        connection: Connection,
        workspaces: Workspaces,
        inlet: Inlet,
        front: HttpFront,
        catch_up: CatchUp,
        errands: Errands,
        clock: Clock,
        make_app: Callable[[], AsyncApp],
    ) -> None:
        self._config = config
        self._connection = connection
        self._workspaces = workspaces
        self._inlet = inlet
        self._front = front
        self._catch_up = catch_up
        self._errands = errands
        self._clock = clock
        self._make_app = make_app
        self._sockets: Sockets | None = None
        self._listening = False
        self._missed_s: float | None = None
        self._catching_up = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Events arrive."""
        if self._config.mode == "http":
            return self._listening
        return self._sockets is not None and self._sockets.connected

    async def run(self, intake: Intake) -> None:
        """Connect, fetch what was missed, and stay until cancelled.

        Raises:
            PlatformError: it can never work as configured; the message says what to do.
        """
        await self._insist(self._workspaces.own, "SLACK_BOT_TOKEN is not accepted")
        app = self._make_app()
        self._inlet.intake = intake
        self._front.open(app)
        self._listening = True
        following = asyncio.create_task(self._follow(intake), name="slack catch-up")
        try:
            if self._config.mode == "http":
                await asyncio.Event().wait()
            else:
                await self._connect(app)
        finally:
            self._listening = False
            await self._inlet.drain()
            self._front.close()
            following.cancel()
            await asyncio.wait({following})
            await self._errands.aclose()

    async def _connect(self, app: AsyncApp) -> None:
        token = self._config.credentials.app_token or ""
        url = await self._insist(
            lambda: open_socket(self._connection, token), "SLACK_APP_TOKEN is not accepted"
        )
        self._sockets = Sockets(
            app=app,
            app_token=token,
            connection=self._connection,
            clock=self._clock,
            after_gap=self._after_gap,
            before_close=self._inlet.drain,
        )
        try:
            await self._sockets.run(url)
        finally:
            self._sockets = None

    async def _insist(self, ask: Callable[[], Awaitable[T]], refused: str) -> T:
        """Ask Slack until it answers. Raises `PlatformError` if the answer is no."""
        delay_s = FIRST_RETRY_S
        while True:
            try:
                return await ask()
            except (PlatformBusy, PlatformUnavailable) as error:
                log.warning("Slack can't be reached yet", error=str(error))
                wait_s = error.retry_after_s if isinstance(error, PlatformBusy) else delay_s
                await self._clock.sleep(min(wait_s, LONGEST_RETRY_S))
                delay_s = min(delay_s * 2, LONGEST_RETRY_S)
            except PlatformError as error:
                raise PlatformError(
                    f"{refused} ({error}); `parley doctor` tells what to do"
                ) from error

    def _after_gap(self, away_s: float) -> None:
        """There was no connection for a while: what was said then is looked for."""
        self._missed_s = max(away_s, self._missed_s or 0.0)
        self._catching_up.set()

    async def _follow(self, intake: Intake) -> None:
        """Catch up once connected, and after each gap; in between note that all is heard."""
        while not self.ready:
            await self._clock.sleep(LOOK_S)
        await self._catch_up_from_last_time(intake)
        while True:
            if self.ready:
                await self._catch_up.note_alive()
            await self._gap_or_time()
            since = self._missed_since()
            if since is not None:
                await self._try(partial(self._catch_up.run, intake, since=since))

    def _missed_since(self) -> datetime | None:
        """Since when something may have been missed: there was no connection, or no database for longer
        than Slack tries again."""
        since = self._inlet.refused_since()
        if self._missed_s is not None:
            gap = self._clock.now() - timedelta(seconds=self._missed_s)
            since = gap if since is None else min(gap, since)
            self._missed_s = None
        return None if since is None else since - BEFORE_GAP

    async def _catch_up_from_last_time(self, intake: Intake) -> None:
        async def catch_up() -> None:
            since = await self._catch_up.since_last_alive()
            await self._catch_up.run(intake, since=since)

        await self._try(catch_up)

    async def _gap_or_time(self) -> None:
        self._catching_up.clear()
        gap = asyncio.create_task(self._catching_up.wait())
        time = asyncio.create_task(self._clock.sleep(ALIVE_S))
        try:
            await asyncio.wait({gap, time}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gap.cancel()
            time.cancel()

    async def _try(self, catch_up: Callable[[], Awaitable[None]]) -> None:
        """Until it is done; while the database is away there is nowhere to hand things in."""
        while True:
            try:
                return await catch_up()
            except IntakeUnavailable as error:
                log.warning("catching up is put off", error=str(error))
            except PlatformError as error:
                log.warning("not caught up", error=str(error))
                return None
            except Exception:
                log.exception("a defect: not caught up")
                return None
            await self._clock.sleep(AGAIN_S)
