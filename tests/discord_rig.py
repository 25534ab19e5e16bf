"""A whole service on a simulated Discord: the real engine and adapter, the real SDKs over loopback.

async with on_discord(sqlite_url) as rig:
    question = rig.ask("What is the capital of France?")
    assert await rig.answer("Paris.") == "Paris."
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anthropic  # noqa: F401 - it takes long to import, and deadlines in tests are short

from adapters.discord import DiscordAdapter
from bot.app import build, make_adapter, open_database
from bot.vocabulary import SystemClock
from config import Settings, load_settings
from sandbox.claude import SimulatedClaude
from sandbox.discord import Channel, Message, MessageType, SimulatedDiscord
from tests.support import wait_until

PATIENCE_S = 60.0
DEFAULTS = """\
[engine]
poll_s = 0.1
heartbeat_s = 0.2
shutdown_s = 0.5
[limits]
channel_messages = 1000
[logs]
level = "warning"
"""


class Replica:
    """One running service."""

    def __init__(self, settings: Settings) -> None:
        clock = SystemClock()
        database = open_database(settings, clock)
        adapter = make_adapter("discord", settings=settings, clock=clock, database=database)
        assert isinstance(adapter, DiscordAdapter)
        self.adapter = adapter
        self._stop = asyncio.Event()
        service = build(
            settings=settings,
            adapters={"discord": adapter},
            clock=clock,
            database=database,
            with_web=False,
            environ={},
        )
        self._task = asyncio.create_task(service.run(self._stop), name="service")

    async def ready(self) -> None:
        """Return once events arrive."""
        await wait_until(
            lambda: self.adapter.ready or self._task.done(), PATIENCE_S, what="the connection"
        )
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Bring it to an orderly end, as SIGTERM does; raises what ended it before."""
        self._stop.set()
        await self._task


class DiscordRig:
    """The service as people on Discord see it."""

    def __init__(
        self, *, discord: SimulatedDiscord, claude: SimulatedClaude, environ: Mapping[str, str]
    ) -> None:
        self.discord = discord
        self.claude = claude
        self.environ = environ
        self.replicas: list[Replica] = []

    async def start(self) -> Replica:
        """Start the service, or one more replica of it."""
        replica = Replica(load_settings(self.environ, Path(self.environ["HOME"])))
        self.replicas.append(replica)
        await replica.ready()
        return replica

    async def stop(self) -> None:
        """Stop every replica in order."""
        replicas, self.replicas = self.replicas, []
        await asyncio.gather(*(replica.stop() for replica in replicas))

    def replies(self, channel: Channel | str = "general") -> list[Message]:
        """What the bot shows in a channel, oldest first."""
        found = self.discord.messages(channel, by=self.discord.bot)
        return [
            each
            for each in found
            if each.deleted_at is None and each.type is not MessageType.THREAD_STARTER_MESSAGE
        ]

    def texts(self, channel: Channel | str = "general") -> list[str]:
        """The texts of that."""
        return [message.content for message in self.replies(channel)]

    async def shows(self, *texts: str, channel: Channel | str = "general") -> Sequence[Message]:
        """Return once the bot's messages in a channel are exactly these, finished."""

        def right() -> bool:
            return self.texts(channel) == list(texts) and not any(
                self.writing(message) for message in self.replies(channel)
            )

        await wait_until(right, PATIENCE_S, what=f"the messages {list(texts)}")
        return self.replies(channel)

    @staticmethod
    def writing(message: Message) -> bool:
        """It has a Stop button, or is a call's "… is thinking"."""
        return message.loading or any(part.get("label") == "Stop" for part in message.buttons)


@asynccontextmanager
async def on_discord(
    database_url: str,
    config: str = "",
    *,
    discord: SimulatedDiscord | None = None,
    started: bool = True,
) -> AsyncIterator[DiscordRig]:
    """The service on the database at `database_url`, with `config` added to its TOML file."""
    async with discord or SimulatedDiscord() as simulated, SimulatedClaude() as claude:
        with tempfile.TemporaryDirectory() as home:
            file = Path(home) / "parley.toml"
            file.write_text(DEFAULTS + config)
            environ = {
                "HOME": home,
                "PARLEY_CONFIG": str(file),
                "ANTHROPIC_API_KEY": "sk-ant-simulated",
                "ANTHROPIC_BASE_URL": claude.base_url,
                "DISCORD_TOKEN": "simulated",
                "DISCORD_API_URL": simulated.api_url,
                "DATABASE_URL": database_url,
            }
            rig = DiscordRig(discord=simulated, claude=claude, environ=environ)
            try:
                if started:
                    await rig.start()
                yield rig
            finally:
                claude.release()
                simulated.release()
                await rig.stop()
