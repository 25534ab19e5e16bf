"""A Claude client at the simulated Claude, and what came of asking it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.claude.client import ClaudeClient, connect
from bot.claude.errors import ClaudeError
from bot.claude.events import AnswerEvent, Completion, Restarted, TextDelta
from bot.claude.memory_books import InMemoryBooks
from bot.claude.prompt import Prompt
from bot.claude.timeouts import Timeouts
from bot.vocabulary import Attribution, Clock, SystemClock
from config.catalogue import Catalogue
from sandbox.claude import SimulatedClaude

SONNET = "claude-sonnet-5-5"
HAIKU = "claude-haiku-5-5"
DEADLINE_S = 20.0
IMPATIENT = Timeouts(connect_s=1.0, first_event_s=0.6, idle_s=0.6)


@dataclass(slots=True)
class Told:
    """What a caller saw: every event, and how it ended."""

    events: list[AnswerEvent] = field(default_factory=list)
    error: ClaudeError | None = None

    @property
    def shown(self) -> str:
        """The text as a person saw it in the end."""
        text = ""
        for event in self.events:
            if isinstance(event, Restarted):
                text = ""
            elif isinstance(event, TextDelta):
                text += event.text
        return text

    @property
    def completion(self) -> Completion:
        """The answer; there must be one, and nothing may come after it."""
        assert self.error is None, self.error
        last = self.events[-1]
        assert isinstance(last, Completion)
        return last

    @property
    def restarts(self) -> list[Restarted]:
        """How often, and why, it began anew."""
        return [event for event in self.events if isinstance(event, Restarted)]


@dataclass(slots=True)
class Desk:
    """A client and its books."""

    client: ClaudeClient
    books: InMemoryBooks
    clock: Clock
    provider: SimulatedClaude

    def answer(
        self,
        prompt: Prompt | str = "Hello",
        *,
        models: Sequence[str] = (SONNET, HAIKU),
        deadline_s: float = DEADLINE_S,
        channel: str = "slack:T:C",
    ) -> Any:
        """The events of an answer."""
        return self.client.answer(
            asked(prompt) if isinstance(prompt, str) else prompt,
            models=models,
            attribution=Attribution("answer", channel_key=channel),
            books=self.books,
            deadline=self.clock.monotonic() + deadline_s,
        )

    async def ask(self, prompt: Prompt | str = "Hello", **how: Any) -> Told:
        """Ask, and close the entry as the engine would."""
        told = Told()
        try:
            async with aclosing(self.answer(prompt, **how)) as events:
                async for event in events:
                    told.events.append(event)
        except ClaudeError as error:
            told.error = error
            return told
        done = told.completion
        await self.books.close(done.closing)
        return told


def asked(text: str, **more: Any) -> Prompt:
    """A prompt of one message."""
    return Prompt(messages=[{"role": "user", "content": text}], **more)


@asynccontextmanager
async def desk_at(
    provider: SimulatedClaude,
    *,
    clock: Clock | None = None,
    max_concurrency: int = 10,
    open_telemetry: Any = False,
    catalogue: Catalogue | None = None,
    base_url: str | None = None,
    **options: Any,
) -> AsyncIterator[Desk]:
    """A client at that provider. It waits as briefly as its policy allows: the die always falls 0."""
    used_clock = clock or SystemClock()
    client = ClaudeClient(
        sdk=connect(
            api_key="sk-ant-simulated",
            base_url=base_url or provider.base_url,
            max_concurrency=max_concurrency,
            open_telemetry=open_telemetry,
        ),
        catalogue=Catalogue.shipped() if catalogue is None else catalogue,
        clock=used_clock,
        max_concurrency=max_concurrency,
        random=lambda: 0.0,
        **options,
    )
    async with client:
        yield Desk(client, InMemoryBooks(), used_clock, provider)
