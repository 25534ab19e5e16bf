"""Everything that `parley sandbox` starts: the simulated services, the bot between them, and the page."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bot.vocabulary import SystemClock
from sandbox.claude import SimulatedClaude
from sandbox.discord import SimulatedDiscord
from sandbox.page.bots import BotCommand, Bots
from sandbox.page.page import PageServer
from sandbox.page.passages import Passage
from sandbox.page.scripted import teach
from sandbox.serving import Startable
from sandbox.slack import SimulatedSlack

PORT: Final = 8787
"""Where the page is unless that is taken: the same at each start, so that a reload finds it."""

KEY: Final = "sk-ant-simulated"  # any value will do: the simulated Claude knows no accounts
CONTROL: Final = ("_control/",)
DATABASE: Final = "sandbox-page.db"

SETTINGS: Final = """\
# Written by `parley sandbox` for the bot on its page, each time it starts.
[engine]
lease_s = 6.0
heartbeat_s = 2.0
poll_s = 0.5

[[reports]]
name = "weekly"
period = "week"
day = "mon"
time = "09:00"
timezone = "UTC"
to = [{targets}]
"""


class Playground(Startable):
    """The sandbox with its page. `command` starts a bot (see `BotCommand`), `environ` is what it is given
    beside the addresses of the simulators, `directory` is where files go. With `real_claude` the one that
    `environ` names is asked."""

    def __init__(
        self,
        *,
        command: Sequence[str],
        environ: Mapping[str, str],
        directory: Path,
        shared: Path,
        port: int | None = None,
        claude_port: int = 0,
        real_claude: bool = False,
    ) -> None:
        self._environ = dict(environ)
        self._directory = directory
        self._port = port
        self._shared = shared
        self._claude = None if real_claude else SimulatedClaude.for_people(port=claude_port)
        self._slack = SimulatedSlack.for_people()
        self._discord = SimulatedDiscord.for_people()
        self._command = command
        self._stack = AsyncExitStack()
        self._page: PageServer | None = None
        self._bots: Bots | None = None
        self._starting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start everything; the bot goes on starting meanwhile. Raises `OSError` if a port is taken."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything."""
        await self._stack.aclose()

    @property
    def page_url(self) -> str:
        """The page."""
        assert self._page is not None, "it is not started"
        return self._page.url

    async def bot_started(self) -> None:
        """Wait until the bot serves. Raises `BotFailed`, which says why it does not."""
        assert self._starting is not None, "it is not started"
        await asyncio.shield(self._starting)

    @property
    def claude_url(self) -> str | None:
        """The simulated Claude, if it is that."""
        return None if self._claude is None else self._claude.base_url

    @property
    def claude_environ(self) -> Mapping[str, str]:
        """What a service is to be told that should ask this Claude, too."""
        if self._claude is None:
            return {}
        return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self._claude.base_url}

    async def _start(self) -> None:
        if self._claude is not None:
            await self._stack.enter_async_context(self._claude)
            teach(self._claude)
        await self._stack.enter_async_context(self._slack)
        await self._stack.enter_async_context(self._discord)
        command = BotCommand(
            arguments=self._command,
            environ={**self._environ, **self._bot_environ()},
            log=self._directory / "sandbox-bot.log",
        )
        self._bots = Bots(command=command, clock=SystemClock())
        self._page = await self._open_page(self._bots)
        self._stack.push_async_callback(self._bots.stop)
        self._starting = asyncio.create_task(self._bots.start(), name="starting the bot")
        self._stack.push_async_callback(self._stop_starting, self._starting)

    async def _stop_starting(self, starting: "asyncio.Task[None]") -> None:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    async def _open_page(self, bots: Bots) -> PageServer:
        for port in (PORT, 0) if self._port is None else (self._port,):
            page = PageServer(
                port=port, shared=self._shared, bots=bots, passages=self._passages(bots)
            )
            try:
                await page.start()
            except OSError:
                await page.stop()
                if port != PORT or self._port is not None:
                    raise
            else:
                self._stack.push_async_callback(page.stop)
                return page
        raise AssertionError("unreachable: any free port can be had")

    def _bot_environ(self) -> dict[str, str]:
        """The simulators' addresses and tokens, a database that is empty, and settings."""
        self._directory.mkdir(parents=True, exist_ok=True)
        given = self._environ
        found = {
            **self.claude_environ,
            "SLACK_BOT_TOKEN": self._slack.bot_token,
            "SLACK_APP_TOKEN": self._slack.app_token,
            "SLACK_API_URL": self._slack.api_url,
            "DISCORD_TOKEN": "simulated",
            "DISCORD_API_URL": self._discord.api_url,
        }
        if "DATABASE_URL" not in given:
            found["DATABASE_URL"] = f"sqlite:///{_removed(self._directory / DATABASE)}"
        if "PARLEY_CONFIG" not in given and not Path("parley.toml").exists():
            found["PARLEY_CONFIG"] = str(self._write_settings())
        return found

    def _write_settings(self) -> Path:
        general = self._discord.world.channel("general").id
        targets = f'"slack:{self._slack.world.channel("general").id}", "discord:{general}"'
        file = (self._directory / "sandbox-page.toml").absolute()
        file.write_text(SETTINGS.format(targets=targets), encoding="utf-8")
        return file

    def _passages(self, bots: Bots) -> dict[str, Passage]:
        slack_token = {"Authorization": f"Bearer {self._slack.bot_token}"}
        return {
            "claude": Passage(to=lambda: self.claude_url, paths=CONTROL),
            "slack": Passage(to=lambda: self._slack.base_url, paths=CONTROL),
            "slack-files": Passage(
                to=lambda: self._slack.base_url,
                paths=("files/",),
                headers=slack_token,
                methods=("GET",),
            ),
            "discord": Passage(to=lambda: self._discord.base_url, paths=CONTROL),
            "discord-files": Passage(
                to=lambda: self._discord.base_url, paths=("attachments/",), methods=("GET",)
            ),
            "bot": Passage(
                to=lambda: bots.url,
                paths=("dashboard/api/messages/", "dashboard/api/plugins"),
                methods=("GET",),
            ),
        }


def _removed(database: Path) -> Path:
    """The simulated worlds begin anew at each start, and so does what the bot knows of them."""
    for suffix in ("", "-wal", "-shm", ".lock"):
        file = Path(f"{database}{suffix}")
        if file.exists():
            file.unlink()
    return database.absolute()
