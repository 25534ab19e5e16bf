"""A Slack adapter by itself, connected to a simulated Slack: for tests of what it says and hands in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from adapters.memory import MemoryIntake, MemoryStore, MemoryValues
from adapters.slack import Credentials, RateLimits, SlackAdapter, SlackConfig
from adapters.slack.places import channel_of
from bot.ports import CommandOffer
from bot.vocabulary import Clock, SystemClock, Thread
from sandbox.slack import Message, SimulatedSlack
from tests.support import wait_until


class SlackDesk:
    """An adapter, its Slack, and what it handed in."""

    def __init__(
        self,
        slack: SimulatedSlack,
        *,
        mode: str = "socket",
        credentials: Credentials | None = None,
        scopes: tuple[str, ...] = (),
        offers: tuple[CommandOffer, ...] = (),
        limits: RateLimits | None = None,
        clock: Clock | None = None,
        catch_up_max_age_s: float = 86_400.0,
    ) -> None:
        self.slack = slack
        self.intake = MemoryIntake(offers=offers)
        self.values = MemoryValues()
        self.clock = clock or SystemClock()
        self._limits = limits or RateLimits(enforced=False)
        self._config = SlackConfig(
            credentials=credentials
            or Credentials(
                bot_token=slack.bot_token,
                app_token=slack.app_token,
                signing_secret=slack.signing_secret,
            ),
            api_url=slack.api_url,
            mode=mode,
            scopes=scopes,
            catch_up_max_age_s=catch_up_max_age_s,
        )
        self.adapter = self._new_adapter()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """A new adapter, connected."""
        self.adapter = self._new_adapter()
        self._running = asyncio.create_task(self.adapter.run(self.intake), name="slack adapter")
        running = self._running
        await wait_until(lambda: self.adapter.ready or running.done(), what="a connection")

    async def stop(self) -> None:
        """Throw it away as a crash does."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
            self._running = None
        await self.adapter.aclose()

    async def ended(self) -> BaseException | None:
        """What ended it by itself."""
        assert self._running is not None, "it was started"
        running, self._running = self._running, None
        await asyncio.wait({running})
        return running.exception()

    def thread(self, message: Message) -> Thread:
        """The thread of a message in a channel."""
        team = self.slack.world.channel(message.channel_id).team_id
        return Thread(channel_of(team, message.channel_id), message.root_ts)

    def direct(self, person: str = "ada") -> Thread:
        """Somebody's direct messages with the bot."""
        channel = self.slack.world.channel(f"@{person}")
        return Thread(channel_of(channel.team_id, channel.id), "direct")

    def _new_adapter(self) -> SlackAdapter:
        return SlackAdapter(
            config=self._config,
            store=MemoryStore(behind=self.values),
            clock=self.clock,
            limits=self._limits,
        )


@asynccontextmanager
async def slack_desk(*, started: bool = True, **options: object) -> AsyncIterator[SlackDesk]:
    """An adapter that is stopped at the end."""
    async with SimulatedSlack() as slack:
        desk = SlackDesk(slack, **options)  # type: ignore[arg-type]  # passed on as given
        try:
            if started:
                await desk.start()
            yield desk
        finally:
            slack.release()
            await desk.stop()
