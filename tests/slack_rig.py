"""A whole service in a test, between a simulated Slack and a simulated Claude.

    async with slack_service(tmp_path) as rig:
        question = rig.slack.say("What is the capital of France?", mention=True)
        assert await rig.answer_to(question) == "Paris."

The service is put together as `parley run` does it, from its environment alone.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import anthropic  # noqa: F401 - it takes long to import, and deadlines in tests are short
from sqlalchemy import Connection, func, select

from bot.app import build, open_database, service_adapters
from bot.service import Service
from bot.vocabulary import Clock, SystemClock
from config import load_settings
from sandbox.claude import Pace, SeenRequest, SimulatedClaude
from sandbox.slack import Message, SimulatedSlack, Visible
from storage.migrations.ready import ready_sqlite
from storage.tables import ThreadRow
from storage.upsert import table
from tests.support import wait_until

PATIENCE_S = 60.0

QUICK = {
    "PARLEY_ENGINE__POLL_S": "0.1",
    "PARLEY_ENGINE__HEARTBEAT_S": "0.2",
    "PARLEY_ENGINE__SHUTDOWN_S": "0.5",
    "PARLEY_LIMITS__CHANNEL_MESSAGES": "1000",
    "PARLEY_LOGS__LEVEL": "warning",
    "PARLEY_CACHE__ANSWERS": "false",
}


class SlackService:
    """One running service, its Slack and its Claude."""

    def __init__(self, slack: SimulatedSlack, claude: SimulatedClaude, folder: Path) -> None:
        self.slack = slack
        self.claude = claude
        self.folder = folder
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._service: Service | None = None
        self.environ: dict[str, str] = {
            "ANTHROPIC_API_KEY": "sk-ant-simulated",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "DATABASE_URL": ready_sqlite(folder / "parley.db"),
            "PARLEY_HTTP": "127.0.0.1:0",
            **QUICK,
        }

    async def start(self, clock: Clock | None = None) -> None:
        """Start the service, and return once it is connected."""
        settings, clock = load_settings(self.environ, self.folder), clock or SystemClock()
        database = open_database(settings, clock)
        adapters = service_adapters(settings, clock, database)
        service = build(
            settings=settings, adapters=adapters, clock=clock, database=database, environ={}
        )
        self._service = service
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(service.run(self._stop), name="service")
        task = self._task
        self.url = ""
        await wait_until(
            lambda: task.done() or all(each.ready for each in adapters.values()),
            PATIENCE_S,
            what="the service's connection to Slack",
        )
        if task.done():
            task.result()
        assert service._web is not None, "it has its pages"
        self.url = service._web.url

    async def stop(self) -> None:
        """Stop it as SIGTERM does."""
        if self._task is not None:
            self._stop.set()
            await self._task
            self._task = None

    def replies(self, question: Message) -> list[Visible]:
        """What the bot shows in a question's thread, or in the direct conversation itself."""
        channel = self.slack.world.channel(question.channel_id)
        in_thread = question.thread_ts is not None or not channel.is_direct
        root = question.root_ts if in_thread else None
        shown = self.slack.visible(channel.id, root, by_app=True)
        return [
            each
            for each in shown
            if each.ephemeral_for is None and (in_thread or each.thread_ts is None)
        ]

    async def answers_to(self, question: Message, count: int = 1) -> list[Visible]:
        """The bot's messages there, once there are so many and each is finished."""
        await wait_until(
            lambda: len(self.finished(question)) >= count,
            PATIENCE_S,
            what=f"{count} answers to {question.text!r}: {self.replies(question)}",
        )
        return self.replies(question)

    def finished(self, question: Message) -> list[Visible]:
        """The answers that can be rated, as finished ones can."""
        return [each for each in self.replies(question) if is_finished(each)]

    def shows(self, question: Message, text: str) -> bool:
        """Whether a reply in the question's thread contains this text now."""
        return any(text in reply.text for reply in self.replies(question))

    async def at_rest(self) -> None:
        """Return once no turn runs and none waits for its time."""
        assert self._service is not None, "it runs"
        dispatcher, database = self._service._dispatcher, self._service._database

        async def quiet() -> bool:
            waiting = await database.read(threads_waiting)
            return not waiting and dispatcher.active == 0

        await wait_until(quiet, PATIENCE_S, what="no turn running or waiting")

    async def metric(self, name: str) -> float:
        """The sum of the samples of a metric."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/metrics") as page:
            lines = (await page.text()).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    # Claude

    @property
    def asked(self) -> list[str]:
        """What each question to Claude said, with its context; the oldest first."""
        return [request.body["messages"][-1]["content"][-1]["text"] for request in self._requests]

    def said_to_claude(self) -> list[tuple[str, str]]:
        """(role, text) of every message of the newest request."""
        messages = self._requests[-1].body["messages"]
        return [(each["role"], each["content"][-1]["text"]) for each in messages]

    def claude_writes(self, text: str, pace: Pace) -> None:
        """Every answer from now on, and how quickly it is written."""
        self.claude.script.always(text)
        self.claude.pace = pace

    @property
    def _requests(self) -> list[SeenRequest]:
        return [request for request in self.claude.requests if request.body.get("stream")]


def threads_waiting(connection: Connection) -> int:
    """How many threads have a turn that runs or waits."""
    threads = table(ThreadRow)
    found = select(func.count()).where(threads.c.claimable_at.is_not(None))
    return connection.execute(found).scalar_one()


def is_finished(shown: Visible) -> bool:
    """Whether a reply has come to its end: it can be rated, and is not being written."""
    return not shown.streaming and any(each.action_id == "parley_rate" for each in shown.buttons)


@asynccontextmanager
async def slack_service(
    folder: Path, environ: Mapping[str, str] | None = None, *, started: bool = True
) -> AsyncIterator[SlackService]:
    """A service that is stopped at the end."""
    async with SimulatedSlack() as slack, SimulatedClaude() as claude:
        rig = SlackService(slack, claude, folder)
        rig.environ.update(environ or {})
        try:
            if started:
                await rig.start()
            yield rig
        finally:
            claude.release()
            slack.release()
            await rig.stop()
