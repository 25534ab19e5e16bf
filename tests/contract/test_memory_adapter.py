"""The adapter of the platform in memory keeps the adapters' contract."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.memory import MemoryAdapter, MemoryIntake, MemoryPlatform, Verb
from bot.ports import Capabilities, PlatformBusy, PlatformUnavailable
from bot.vocabulary import Thread
from tests.contract.adapter_contract import AdapterContract, AdapterHarness, Failure, Seen

MAX_CHARS = 300


class MemoryHarness(AdapterHarness):
    """Speaks to a `MemoryPlatform`."""

    hostile = ("@everyone", "<!channel>")

    def __init__(self, *, idempotent: bool) -> None:
        self.intake = MemoryIntake()
        self.platform = MemoryPlatform(idempotent=idempotent)
        self.start()

    def start(self) -> None:
        """A new adapter on the platform."""
        self._adapter = MemoryAdapter(
            platform=self.platform, capabilities=Capabilities(max_chars=MAX_CHARS)
        )
        self._running = asyncio.create_task(self._adapter.run(self.intake))

    @property
    def adapter(self) -> MemoryAdapter:
        return self._adapter

    @property
    def thread(self) -> Thread:
        return self.platform.thread()

    async def restart(self) -> None:
        await self.stop()
        self.start()

    async def stop(self) -> None:
        self._running.cancel()
        await asyncio.wait({self._running})

    async def say(self, text: str) -> None:
        self.platform.say(text)

    async def say_again(self) -> None:
        self.platform.acknowledged -= 1
        self.platform.happened.set()

    def seen(self) -> list[Seen]:
        return [Seen(posted.id, posted.text) for posted in self.platform.visible(self.thread)]

    async def remove(self, message_id: str) -> None:
        self.platform.remove(message_id)

    def can_fail(self, verb: str, failure: Failure) -> bool:
        return verb != "find" or failure is not Failure.ANSWER_LOST

    def fail(self, verb: str, failure: Failure) -> None:
        verbs: dict[str, Verb] = {
            "post": "post",
            "edit": "edit",
            "delete": "delete",
            "find": "find",
        }
        busy, away = PlatformBusy("busy", retry_after_s=0.01), PlatformUnavailable("away")
        acted = failure is Failure.ANSWER_LOST
        self.platform.fail(verbs[verb], busy if failure is Failure.BUSY else away, acted=acted)

    def close_thread(self) -> bool:
        self.platform.close(self.thread)
        return True

    def harm_done(self) -> list[str]:
        """Nobody is there to be pinged."""
        return []


class TestMemoryAdapter(AdapterContract):
    """On a platform that is idempotent like Discord, and on one that is not, like Slack."""

    @pytest.fixture(params=[True, False], ids=["idempotent", "careless"])
    async def harness(self, request: pytest.FixtureRequest) -> AsyncIterator[MemoryHarness]:
        """A platform in memory."""
        harness = MemoryHarness(idempotent=request.param)
        yield harness
        await harness.stop()
