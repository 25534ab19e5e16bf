"""How a prompt becomes an answer: rounds, retries, and the next model."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from bot.claude.counting import with_documents_counted
from bot.claude.draft import Draft, FinishedRound
from bot.claude.errors import ClaudeError, Follows, InvalidRequest
from bot.claude.events import AnswerEvent, Completion, Restarted, TextDelta
from bot.claude.message_reader import without_thinking
from bot.claude.prompt import Prompt
from bot.claude.round import Order, Round
from bot.claude.workshop import Workshop


class Answering:
    """One answer in the making; `events` can be run once."""

    def __init__(
        self, shop: Workshop, order: Order, *, prompt: Prompt, models: Sequence[str]
    ) -> None:
        if not models:
            raise ValueError("an answer needs a model")
        self._shop = shop
        self._order = order
        self._prompt = prompt
        self._models = models
        self._started_at = shop.clock.monotonic()
        self._first_text_s: float | None = None
        self._attempts = 0

    async def events(self) -> AsyncGenerator[AnswerEvent, None]:
        """The answer as it comes; `Completion` is the last event.

        Raises:
            ClaudeError: no model answered. What the books raise goes through untouched.
        """
        await self._shop.connection.warm()
        self._prompt = await with_documents_counted(
            self._shop, self._prompt, model=self._models[0], timeout_s=self._remaining_s()
        )
        problems: list[ClaudeError] = []
        for model in self._models:
            if problems:
                yield self._falling_back(model, problems[-1])
            try:
                async with aclosing(self._from_model(model)) as events:
                    async for event in events:
                        yield event
                return
            except ClaudeError as error:
                problems.append(error)
                if error.follows is Follows.GIVE_UP:
                    break
        raise self._what_to_report(problems)

    async def _from_model(self, model: str) -> AsyncGenerator[AnswerEvent, None]:
        """The answer of one model, which is asked as often as the policy allows."""
        draft, attempt = Draft(self._prompt), 1
        while (last := draft.last) is None:
            a_round = self._round(model, draft)
            try:
                async with aclosing(a_round.texts()) as texts:
                    async for text in texts:
                        yield self._delta(text)
                attempt = 1
            except ClaudeError as error:
                await self._wait_to_retry(error, model, attempt)
                attempt += 1
                yield Restarted(error.kind, model)
                if draft.text:
                    yield TextDelta(draft.text)
            finally:
                self._attempts += a_round.was_sent
        yield self._completion(model, draft, last)

    def _round(self, model: str, draft: Draft) -> Round:
        try:
            return Round(self._shop, self._order, model=model, draft=draft)
        except TypeError as error:  # something in the prompt is not plain JSON
            raise InvalidRequest(str(error), model=model) from error

    def _delta(self, text: str) -> TextDelta:
        if self._first_text_s is None:
            self._first_text_s = self._shop.clock.monotonic() - self._started_at
        return TextDelta(text)

    async def _wait_to_retry(self, error: ClaudeError, model: str, attempt: int) -> None:
        """Return when the model may be asked again; raise `error` if it may not."""
        wait_s = self._shop.retry.wait_s(
            error,
            attempt=attempt,
            remaining_s=self._remaining_s(),
            random=self._shop.random,
        )
        if wait_s is None:
            raise error
        self._shop.observer.retrying(model=model, reason=error.kind, wait_s=wait_s)
        await self._shop.clock.sleep(wait_s)

    def _remaining_s(self) -> float:
        return self._order.deadline - self._shop.clock.monotonic()

    def _falling_back(self, model: str, error: ClaudeError) -> Restarted:
        self._shop.observer.falling_back(model=model, reason=error.kind)
        return Restarted(error.kind, model)

    def _what_to_report(self, problems: Sequence[ClaudeError]) -> ClaudeError:
        """What made the chain end; of several models' errors, the first that will pass: an outage
        of the model that was asked for says more than that its stand-in does not exist."""
        last = problems[-1]
        error = last
        if last.follows is not Follows.GIVE_UP:
            error = next((problem for problem in problems if problem.outage), last)
        error.attempts = self._attempts
        return error

    def _completion(self, model: str, draft: Draft, last: FinishedRound) -> Completion:
        refused = last.stop_reason == "refusal"  # what was said before it is to be discarded
        return Completion(
            text="" if refused else draft.text,
            content_blocks=[] if refused else without_thinking(draft.blocks),
            turn_blocks=[] if refused else draft.blocks,
            stop_reason=last.stop_reason,
            refusal_category=last.refusal_category,
            model=model,
            entry_id=last.entry_id,
            usage=last.usage,
            cost_nanousd=last.cost_nanousd,
            request_id=last.request_id,
            total_usage=draft.usage,
            total_cost_nanousd=draft.cost_nanousd,
            attempts=self._attempts,
            first_text_s=self._first_text_s,
        )
