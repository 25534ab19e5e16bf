"""The whole service, running: put together as `parley run` does it, before an audience."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bot.app import build
from bot.engine.dispatcher import Dispatcher, RunsTurns
from bot.service import Service
from config import load_settings
from tests.bench.audience import Audience, Seen
from tests.support import wait_until

W = TypeVar("W", bound=RunsTurns)

NO_LIMITS = {
    "PARLEY_LIMITS__CHANNEL_MESSAGES": "1000000",
    "PARLEY_CLAUDE__MAX_CONCURRENCY": "1000",
}
"""Rate limits are there to slow things down; here it is the machine that is asked."""


class House:
    """A running service and its audience."""

    def __init__(self, service: Service, audience: Audience) -> None:
        self.audience = audience
        self._dispatcher: Dispatcher = service._dispatcher
        self._threads = 0

    async def converse(
        self, turns: int, *, conversations: int = 1, turns_a_thread: int = 4
    ) -> list[Seen]:
        """Ask so many questions, in so many conversations at once; who has got an answer asks on.

        After `turns_a_thread` questions a conversation moves to a new thread, so that prompts stay
        about as long as they are in chats.
        """
        each = turns // conversations
        seen = await asyncio.gather(
            *(self._conversation(each, turns_a_thread) for _ in range(conversations))
        )
        await self.rest()
        return [answer for answers in seen for answer in answers]

    async def rest(self) -> None:
        """Wait until no turn is running any more."""
        await wait_until(lambda: self._dispatcher.active == 0, 30.0, what="the last turn to end")

    def watch_starts(self, kind: Callable[[RunsTurns, Audience], W]) -> W:
        """Put something before the runner of turns that sees each begin."""
        watch = kind(self._dispatcher._runner, self.audience)
        self._dispatcher._runner = watch
        return watch

    def new_thread(self) -> str:
        """A name that no thread has had."""
        self._threads += 1
        return str(self._threads)

    async def _conversation(self, turns: int, turns_a_thread: int) -> list[Seen]:
        seen = []
        for number in range(turns):
            if number % turns_a_thread == 0:
                name = self.new_thread()
                thread = self.audience.thread(name)
            seen.append(await self.audience.ask(thread, f"{QUESTION} ({name}, {number})"))
        return seen


QUESTION = (
    "We want to move our nightly jobs to another machine next week. What should we look at before we "
    "do it, and in which order?"
)


@asynccontextmanager
async def house(
    *, database_url: str, claude_url: str, directory: Path, settings: Mapping[str, str] = NO_LIMITS
) -> AsyncIterator[House]:
    """A service that runs until the end of the block."""
    environ = {
        "ANTHROPIC_API_KEY": "sk-ant-bench",
        "ANTHROPIC_BASE_URL": claude_url,
        "DATABASE_URL": database_url,
        **settings,
    }
    audience = Audience()
    service = build(
        settings=load_settings(environ, directory),
        adapters={audience.name: audience},
        with_web=False,
        environ=environ,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    try:
        await wait_until(lambda: audience.ready or running.done(), 30.0, what="the service's start")
        yield House(service, audience)
    finally:
        stop.set()
        await running
