"""The ledger entries of items that are handed to the provider as a batch: one for each, at half price."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from bot.batch.capped_books import CappedBooks
from bot.batch.plan import Plan, Question
from bot.batch.state import HandedOver
from bot.claude.pricing import Pricing
from bot.claude.prompt import Json, request_body
from bot.engine.accounts import LedgerBooks
from bot.vocabulary import Attribution, BillableRequest, Clock, Closing, Usage
from config.catalogue import Catalogue
from storage.errors import StorageError

T = TypeVar("T")

LOT: Final = 200
"""So many entries are written in one transaction, so that a service beside it is not kept waiting."""


class BatchLedger:
    """Opens, prices and closes entries. Their ids are those of the requests at the provider."""

    def __init__(
        self,
        *,
        books: LedgerBooks,
        cap: CappedBooks,
        plan: Plan,
        attribution: Attribution,
        catalogue: Catalogue,
        pricing: Pricing,
        clock: Clock,
        run: str,
    ) -> None:
        self._books = books
        self._cap = cap
        self._plan = plan
        self._attribution = attribution
        self._model = catalogue.get(plan.model)
        self._pricing = pricing
        self._clock = clock
        self._run = run

    def entry_ids(self, which: HandedOver) -> list[str]:
        """The ids of its requests, in the order of its keys."""
        return [f"{self._run}-{which.number}-{index}" for index in range(len(which.keys))]

    def body(self, question: Question) -> Json:
        """The request."""
        return request_body(question.prompt, model_id=self._plan.model, model=self._model)

    def affordable(self, questions: Sequence[Question]) -> int:
        """How many of the first ones --max-cost has room for. Raises `MaxCostReached` if nobody knows."""
        worst = 0
        for count, question in enumerate(questions):
            request = self._billable(question)
            if not self._cap.room_for(request, beside_nanousd=worst):
                return count
            worst += request.worst_case_nanousd or 0
        return len(questions)

    async def open(self, which: HandedOver, lot: Sequence[Question]) -> None:
        """Open all entries, or none. Raises `StorageError`."""
        opening = list(zip(self.entry_ids(which), map(self._billable, lot), strict=True))
        try:
            for some in _lots(opening):
                await self._books.open_all(some)
        except StorageError:
            await self.not_billed(self.entry_ids(which))
            raise
        for entry_id, request in opening:
            self._cap.hold(entry_id, request)

    def cost_nanousd(self, usage: Usage) -> int | None:
        """What a request has cost."""
        now = self._clock.now()
        return self._pricing.cost_nanousd(self._plan.model, usage, when=now, batch=True)

    async def close(self, closings: Sequence[Closing]) -> None:
        """Close entries. Raises `StorageError`."""
        for some in _lots(closings):
            await self._books.close_all(some)
        for closing in closings:
            self._cap.settle(closing)

    async def not_billed(self, entry_ids: Sequence[str]) -> None:
        """Nothing is owed for these. Raises `StorageError`."""
        await self.close([Closing.unbilled(each) for each in entry_ids])

    def _billable(self, question: Question) -> BillableRequest:
        prompt = question.prompt
        tokens = prompt.expected_input_tokens()
        worst = self._pricing.worst_case_nanousd(
            self._plan.model,
            prompt_tokens=prompt.most_input_tokens(),
            max_output_tokens=prompt.max_output_tokens,
            cache_ttl=prompt.cache_ttl,
            when=self._clock.now(),
            batch=True,
        )
        return BillableRequest(self._plan.model, self._attribution, worst, tokens)


def _lots(all_of_them: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(all_of_them), LOT):
        yield all_of_them[start : start + LOT]
