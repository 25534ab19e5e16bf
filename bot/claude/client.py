"""The Claude client: one for the whole process, for every request to the provider."""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from bot.claude import counting
from bot.claude.admission import Admission
from bot.claude.answer import Answering
from bot.claude.bookkeeper import Bookkeeper
from bot.claude.books import Books
from bot.claude.bound import Claude
from bot.claude.breakers import Breakers
from bot.claude.connection import Connection
from bot.claude.events import AnswerEvent
from bot.claude.health import ClaudeHealth, ModelHealth
from bot.claude.message_batches import MessageBatches
from bot.claude.observer import NullObserver, Observer
from bot.claude.pricing import Pricing
from bot.claude.prompt import Prompt
from bot.claude.retry import Random, RetryPolicy
from bot.claude.round import Order
from bot.claude.timeouts import Timeouts
from bot.claude.workshop import Workshop
from bot.vocabulary import Attribution, Clock
from config.catalogue import Catalogue

if TYPE_CHECKING:
    import anthropic
    from anthropic._types import OpenTelemetryOptions


def connect(
    *,
    api_key: str,
    base_url: str | None = None,
    max_concurrency: int,
    open_telemetry: "OpenTelemetryOptions | Literal[False]" = False,
) -> "anthropic.AsyncAnthropic":
    """The SDK's client as this project uses it: over aiohttp, without retries of its own, and without
    traces unless they are asked for. Opens no connection yet."""
    import anthropic  # here, because the SDK takes long to import

    from bot.claude.transport import AiohttpTransport

    return anthropic.AsyncAnthropic(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        open_telemetry=open_telemetry,
        http_client=anthropic.DefaultAioHttpClient(
            # Token counts come on top of what admission lets through.
            transport=AiohttpTransport(max_connections=2 * max_concurrency)
        ),
    )


class ClaudeClient:
    """Answers prompts. Retries, falls back, keeps to the limits and the books; closes `sdk` at its end.

    Use it as `async with`, or call `aclose`.
    """

    def __init__(
        self,
        *,
        sdk: "anthropic.AsyncAnthropic | Connection",
        catalogue: Catalogue,
        clock: Clock,
        max_concurrency: int,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        observer: Observer | None = None,
        random: Random = random.random,
    ) -> None:
        watching = observer or NullObserver()
        self._shop = Workshop(
            connection=sdk if isinstance(sdk, Connection) else Connection(lambda: sdk),
            clock=clock,
            catalogue=catalogue,
            pricing=Pricing(catalogue),
            admission=Admission(max_concurrency=max_concurrency, clock=clock),
            breakers=Breakers(clock=clock, observer=watching),
            bookkeeper=Bookkeeper(clock=clock, observer=watching),
            retry=retry or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            observer=watching,
            random=random,
        )

    @property
    def pricing(self) -> Pricing:
        """What requests cost."""
        return self._shop.pricing

    @property
    def admission(self) -> Admission:
        """Who waits, and how many more could go."""
        return self._shop.admission

    @property
    def batches(self) -> MessageBatches:
        """The provider's message batches."""
        return MessageBatches(self._shop)

    def health(self) -> ClaudeHealth:
        """How the models are doing, as far as this process knows."""
        states = self._shop.breakers.states()
        models = (
            ModelHealth(model, states[model], self.admission.gate(model).levels())
            for model in sorted(states)
        )
        return ClaudeHealth(self.admission.waiting, self.admission.free, tuple(models))

    def answer(
        self,
        prompt: Prompt,
        *,
        models: Sequence[str],
        attribution: Attribution,
        books: Books,
        deadline: float,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The answer to `prompt` by the first of `models` that gives one, as it comes.

        The last event is the `Completion`, whose ledger entry the caller closes. `deadline` is a time
        of the clock's `monotonic`. A caller that stops early closes the generator (`aclosing`); what
        is under way is then ended and its entry closed as estimated.

        Raises:
            ClaudeError: no model answered, or time is up. Exceptions of the books go through
                untouched, and then nothing was sent.
        """
        order = Order(attribution=attribution, books=books, deadline=deadline)
        return Answering(self._shop, order, prompt=prompt, models=models).events()

    async def count_tokens(
        self, prompt: Prompt, *, model: str, timeout_s: float = counting.COUNT_S
    ) -> counting.TokenCount:
        """How many input tokens `prompt` has for `model`. Costs nothing; never raises for the
        provider's sake: after `timeout_s`, or when it can't tell, the local estimate is returned."""
        return await counting.count_tokens(self._shop, prompt, model=model, timeout_s=timeout_s)

    def bound(
        self, *, models: Sequence[str], attribution: Attribution, books: Books, deadline_s: float
    ) -> Claude:
        """The client for one purpose: simple verbs that keep the books by themselves. Each request
        has `deadline_s` seconds."""
        return Claude(
            client=self,
            clock=self._shop.clock,
            bookkeeper=self._shop.bookkeeper,
            models=models,
            attribution=attribution,
            books=books,
            deadline_s=deadline_s,
        )

    async def warm(self) -> None:
        """Get ready for the first request beside other work; it may be made without."""
        await self._shop.connection.warm()

    async def aclose(self) -> None:
        """Finish what is being written to the books, and close all connections."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._shop.connection.aclose)
            stack.push_async_callback(self._shop.admission.aclose)
            stack.push_async_callback(self._shop.bookkeeper.aclose)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
