"""The port between the simple verbs and the client."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from bot.claude.books import Books
from bot.claude.events import AnswerEvent
from bot.claude.prompt import Prompt
from bot.vocabulary import Attribution


class Answerer(Protocol):
    """What answers prompts: `ClaudeClient`."""

    def answer(
        self,
        prompt: Prompt,
        *,
        models: Sequence[str],
        attribution: Attribution,
        books: Books,
        deadline: float,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """As `ClaudeClient.answer`."""
