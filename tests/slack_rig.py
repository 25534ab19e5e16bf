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

import anthropic  # noqa: F401 - it takes long to import, and deadlines in tests are short

from bot.app import build, open_database, service_adapters
from bot.vocabulary import SystemClock
from config import load_settings
from sandbox.claude import SimulatedClaude
from sandbox.slack import Message, SimulatedSlack, Visible
from tests.support import wait_until

PATIENCE_S = 20.0

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
        self.environ: dict[str, str] = {
            "ANTHROPIC_API_KEY": "sk-ant-simulated",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "DATABASE_URL": f"sqlite:///{folder / 'parley.db'}",
            "PARLEY_HTTP": "127.0.0.1:0",
            **QUICK,
        }

    async def start(self) -> None:
        """Start the service, and return once it is connected."""
        settings, clock = load_settings(self.environ, self.folder), SystemClock()
        database = open_database(settings, clock)
        adapters = service_adapters(settings, clock, database)
        service = build(
            settings=settings, adapters=adapters, clock=clock, database=database, environ={}
        )
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

    async def answer_to(self, question: Message) -> str:
        """The text of the one answer there is."""
        (answer,) = await self.answers_to(question)
        return answer.text


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
