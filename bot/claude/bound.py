"""Claude for one purpose: ask, extract, map. What plugins and the engine's own chores use."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel

from bot.claude.asking import Answerer
from bot.claude.bookkeeper import Bookkeeper
from bot.claude.books import Books
from bot.claude.errors import ClaudeError
from bot.claude.events import Completion
from bot.claude.extract import Extraction
from bot.claude.parallel import Progress, Result, in_parallel
from bot.claude.prompt import Prompt
from bot.vocabulary import Attribution, Clock

T = TypeVar("T", bound=BaseModel)

MAX_PARALLEL = 16
"""How many prompts of one `map` are under way at once; admission shares out the places among all."""


class Claude:
    """Simple verbs over the client. Every request is in the books, and closed there."""

    def __init__(
        self,
        *,
        client: Answerer,
        clock: Clock,
        bookkeeper: Bookkeeper,
        models: Sequence[str],
        attribution: Attribution,
        books: Books,
        deadline_s: float,
    ) -> None:
        self._client = client
        self._clock = clock
        self._bookkeeper = bookkeeper
        self._models = models
        self._attribution = attribution
        self._books = books
        self._deadline_s = deadline_s

    async def ask(
        self,
        prompt: Prompt | str,
        *,
        purpose: str | None = None,
        on_answer: Callable[[Completion], None] | None = None,
    ) -> Completion:
        """The whole answer at once. `purpose` replaces that of the attribution; `on_answer` is called
        with the answer before its ledger entry is closed, so that nothing paid for is lost in between.

        Raises:
            ClaudeError: there is none.
        """
        asked = prompt if isinstance(prompt, Prompt) else plain_prompt(prompt)
        attribution = replace(self._attribution, purpose=purpose or self._attribution.purpose)
        completion: Completion | None = None
        events = self._client.answer(
            asked,
            models=self._models,
            attribution=attribution,
            books=self._books,
            deadline=self._clock.monotonic() + self._deadline_s,
        )
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Completion):
                    completion = event
        if completion is None:
            raise ClaudeError("the answer ended without its completion")
        if on_answer is not None:
            on_answer(completion)
        await self._close(completion)
        return completion

    async def extract(self, kind: type[T], text: str, *, instructions: str | None = None) -> T:
        """What `text` says, as an instance of the Pydantic model `kind`.

        The answer is held to the model's JSON schema and validated here; if that fails, Claude is
        told what is wrong and gets one more try. All usage is in the books whatever comes of it.

        Raises:
            ExtractionError: it came to nothing; it carries the usage and says why.
            ClaudeError: there was no answer.
        """
        return await Extraction(
            ask=lambda prompt: self.ask(prompt, purpose="extract"), kind=kind
        ).run(text, instructions=instructions)

    async def map(
        self,
        prompts: Sequence[Prompt | str],
        *,
        on_progress: Progress | None = None,
    ) -> list[Result]:
        """The answers to all `prompts`, in their order, made in parallel within the common limits.

        One that fails holds its error and leaves the others alone. `on_progress` is called with how
        many are done, and of how many, each time one is.
        """
        return await in_parallel(
            lambda prompt: self.ask(prompt, purpose="map"),
            prompts,
            at_once=MAX_PARALLEL,
            on_progress=on_progress,
        )

    async def _close(self, completion: Completion) -> None:
        await self._bookkeeper.close(self._books, completion.closing)


def plain_prompt(text: str) -> Prompt:
    """A prompt of one message."""
    return Prompt(messages=[{"role": "user", "content": text}])
