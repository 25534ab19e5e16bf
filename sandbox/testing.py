"""A bot with one plugin, to test the plugin with.

    async with running(plugin, {"units": "metric"}) as bot:
        assert "sunny" in (await bot.say("/weather Oslo")).text

The whole service runs, on a database of its own: the real engine between a platform in memory and a
simulated Claude, whose replies `bot.claude.script` sets. Nothing leaves the machine.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from adapters.memory import MemoryAdapter, MemoryPlatform, Posted
from bot.app import build
from bot.host.loading import Loaded, Loading
from bot.host.options import divided, settings_of
from bot.host.stores import EVERYWHERE
from bot.plugins import File, Plugin
from bot.ports import Capabilities
from bot.vocabulary import Message, Person, SystemClock, Thread
from config import load_settings
from sandbox.claude import SimulatedClaude
from storage import plugin_values, ratings, turns
from storage.database import Database
from storage.migrations.ready import ready_sqlite
from storage.turns import Turn

T = TypeVar("T")

Platform = Literal["terminal", "slack", "discord"]

PROFILES: Final[Mapping[str, Capabilities]] = {
    "terminal": Capabilities(max_chars=100_000, status=True),
    "slack": Capabilities(max_chars=12_000, status=True, private_notices=True, redelivers=True),
    "discord": Capabilities(
        max_chars=2_000,
        measure=lambda text: len(text.encode("utf-16-le")) // 2,
        status=True,
        private_notices=True,
    ),
}
"""What the platforms can show; a plugin should work on each."""

PATIENCE_S = 20.0
LOOK_AGAIN_S = 0.01
MEMBER: Final = Person("U1", "Ada")
ADMIN: Final = Person("U2", "Grace", admin=True)

_CONFIG = """
[engine]
poll_s = 0.1
heartbeat_s = 0.5
shutdown_s = 0.5
[limits]
channel_messages = 1000
[logs]
level = "error"
"""


class MovableClock(SystemClock):
    """Time passes by itself, and can be moved forward."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """The time, UTC."""
        return super().now() + timedelta(seconds=self._offset_s)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return super().monotonic() + self._offset_s

    async def sleep(self, seconds: float) -> None:
        """Return when so much time has passed, or the clock has been moved beyond it."""
        until = self.monotonic() + seconds
        while (left_s := until - self.monotonic()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    await self._moved.wait()
            except TimeoutError:
                return

    def move(self, seconds: float) -> None:
        """Let so much time have passed."""
        self._offset_s += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


@dataclass(frozen=True, slots=True)
class Heard:
    """What the bot answered."""

    text: str
    outcome: str
    files: tuple[File, ...]


class Bot:
    """The bot, as people and tests see it."""

    def __init__(
        self,
        *,
        platform: MemoryPlatform,
        claude: SimulatedClaude,
        database: Database,
        clock: MovableClock,
    ) -> None:
        self.platform = platform
        self.claude = claude
        """The simulated Claude: `claude.script` sets what it says, `claude.requests` what it was asked."""
        self.clock = clock
        """`clock.move(seconds)` lets time pass."""
        self._database = database

    async def say(
        self, text: str, *, by: Person = MEMBER, thread: Thread | None = None, direct: bool = False
    ) -> Heard:
        """Somebody says something; the bot's answer, once it is complete."""
        message = self.tell(text, by=by, thread=thread, direct=direct)
        return await self.answer_to(message)

    def tell(
        self, text: str, *, by: Person = MEMBER, thread: Thread | None = None, direct: bool = False
    ) -> Message:
        """Somebody says something; nobody waits for the answer."""
        where = thread or self.platform.thread(direct=direct)
        return self.platform.say(text, thread=where, author=by)

    async def answer_to(self, message: Message) -> Heard:
        """The answer to a message, once it is complete."""

        async def over() -> Turn | None:
            turn = await self._database.read(turns.of_message, message.key)
            return turn if turn is not None and turn.is_over else None

        turn = await _until(over, f"an answer to {message.text!r}")
        shown = [
            posted
            for posted in self.platform.visible(message.thread)
            if posted.mark.startswith(f"{turn.id}.")
        ]
        files = tuple(
            File(posted.file.name, posted.file.content, posted.file.media_type)
            for posted in shown
            if posted.file is not None
        )
        text = "\n".join(posted.text for posted in shown if posted.file is None)
        return Heard(text, turn.outcome or "", files)

    async def kept(self, plugin: str) -> dict[str, Any]:
        """What a plugin keeps for the whole installation, by key."""
        return await self._database.read(plugin_values.items, plugin, EVERYWHERE, "")

    async def keep(self, plugin: str, key: str, value: Any) -> None:
        """Put something there."""
        now = self._database.now()
        await self._database.write(
            plugin_values.put, plugin, EVERYWHERE, key, json.dumps(value), now=now
        )

    async def ratings(self, message: Message) -> dict[str, bool]:
        """Whether people found the answer to a message good, by their ids."""
        turn = await self._database.read(turns.of_message, message.key)
        return {} if turn is None else await self._database.read(ratings.of_turn, turn.id)

    async def asked(self) -> Posted:
        """The message in which the bot asks something, with its buttons."""

        async def found() -> Posted | None:
            shown = (each for each in self.platform.posted.values() if each.choice is not None)
            return next((each for each in shown if not each.deleted), None)

        return await _until(found, "a question with buttons")

    async def press(self, option: str, *, by: Person = MEMBER) -> None:
        """Press a button of the question that the bot asks, by the option's id."""
        self.platform.press(await self.asked(), option, by)

    async def announced(self, text: str) -> str:
        """What the bot says of its own accord that contains `text`, once it does."""

        async def found() -> str | None:
            shown = [each.text for each in self.platform.posted.values() if not each.deleted]
            return next((each for each in shown if text in each), None)

        return await _until(found, f"{text!r} being said")


@asynccontextmanager
async def running(
    plugin: Plugin[Any, Any],
    settings: Mapping[str, Any] | None = None,
    *,
    platform: Platform = "terminal",
    config: str = "",
    others: tuple[Plugin[Any, Any], ...] = (),
) -> AsyncIterator[Bot]:
    """A bot with this plugin. `settings` is its section of the settings, `config` more TOML.

    Raises:
        PluginError: the settings do not fit.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatedClaude() as claude:
            clock = MovableClock()
            url = await asyncio.to_thread(ready_sqlite, Path(folder) / "parley.db")
            file = Path(folder) / "parley.toml"
            file.write_text(_CONFIG + config)
            environment = {
                "PARLEY_CONFIG": str(file),
                "ANTHROPIC_API_KEY": "sk-ant-simulated",
                "ANTHROPIC_BASE_URL": claude.base_url,
                "DATABASE_URL": url,
            }
            memory = MemoryPlatform(name=platform)
            adapter = MemoryAdapter(platform=memory, capabilities=PROFILES[platform])
            loaded = (_loaded(plugin, settings or {}), *(_loaded(each, {}) for each in others))
            service = build(
                settings=load_settings(environment, Path(folder)),
                adapters={platform: adapter},
                clock=clock,
                with_web=False,
                environ={},
                plugins=Loading(loaded, (), ()),
            )
            stop = asyncio.Event()
            task = asyncio.create_task(service.run(stop), name="service")
            database = Database(url, clock=clock)
            try:
                await _until(_ready(task, adapter), "the bot being ready")
                yield Bot(platform=memory, claude=claude, database=database, clock=clock)
            finally:
                claude.release()
                stop.set()
                await task
                await database.close()


def _ready(task: "asyncio.Task[None]", adapter: MemoryAdapter) -> Callable[[], Awaitable[bool]]:
    """Whether the bot takes messages; raises what ended it, if it has ended."""

    async def look() -> bool:
        if task.done():
            task.result()
        return adapter.ready

    return look


def _loaded(plugin: Plugin[Any, Any], section: Mapping[str, Any]) -> Loaded:
    options, own = divided(section, plugin=plugin.name)
    checked = settings_of(plugin.settings_type, own, plugin=plugin.name)
    return Loaded(plugin, checked, options, "test", Path(plugin.file))


async def _until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not (found := await look()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited {PATIENCE_S:g} s in vain for {what}")
        await asyncio.sleep(LOOK_AGAIN_S)
    return found
