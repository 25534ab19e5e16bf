"""One request of an answer: the model's breaker, admission, its ledger entry, the exchange, and what
is owed for it. The steps stand in this order in `Round.texts`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.claude.admission import Slot
from bot.claude.bookkeeper import OpenEntry
from bot.claude.books import Books
from bot.claude.draft import Draft, FinishedRound
from bot.claude.errors import ClaudeError
from bot.claude.message_reader import MessageReader
from bot.claude.observer import RequestReport
from bot.claude.prompt import Json, request_body
from bot.claude.workshop import Workshop
from bot.vocabulary import Attribution, BillableRequest, Closing, EntryStatus, Usage

if TYPE_CHECKING:
    from bot.claude.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """For whom an answer is made, where it is written down, and by when it must be there."""

    attribution: Attribution
    books: Books
    deadline: float


class Round:
    """One request to `model` for what `draft` asks next; `texts` can be run once.

    `was_sent` tells whether it came to a request at all.
    """

    def __init__(self, shop: Workshop, order: Order, *, model: str, draft: Draft) -> None:
        self.was_sent = False
        self._shop = shop
        self._order = order
        self._model = model
        self._draft = draft
        self._tokens = draft.prompt.expected_input_tokens()
        self._body = self._request_body()
        self._when = shop.clock.now()  # prices are those of the time of asking
        self._asked_at = shop.clock.monotonic()
        self._first_text_s: float | None = None

    async def texts(self) -> AsyncGenerator[str, None]:
        """The text as it comes. When it ends, the finished round is in the draft, and its entry open
        if it was the last one; on any other way out, the entry has been closed.

        Raises:
            ClaudeError: the request failed. What the books raise goes through untouched.
        """
        breaker = self._shop.breakers.of(self._model)
        breaker.check()
        async with self._shop.admission.slot(
            model=self._model,
            lane=self._order.attribution.channel_key or "",
            tokens=self._tokens,
            deadline=self._order.deadline,
            patience_s=self._shop.retry.retry_after_cap_s,
        ) as slot:
            self._shop.observer.admitted(model=self._model, waited_s=self._elapsed_s())
            with breaker.watch():
                entry = await self._open_entry()
                exchange = self._exchange(entry, slot)
                try:
                    async with aclosing(exchange.texts()) as texts:
                        async for text in texts:
                            self._note_first_text()
                            yield text
                except BaseException as error:
                    await self._settle(entry, exchange, error)
                    raise
                slot.used(exchange.reader.usage)
                await self._hand_over(entry, exchange.reader)

    async def _open_entry(self) -> OpenEntry:
        """The last thing before the request goes."""
        entry = await self._shop.bookkeeper.open(
            self._order.books, self._billable(), deadline=self._order.deadline
        )
        self.was_sent = True
        self._asked_at = self._shop.clock.monotonic()
        return entry

    def _billable(self) -> BillableRequest:
        max_output_tokens: int = self._body["max_tokens"]
        return BillableRequest(
            model=self._model,
            attribution=self._order.attribution,
            worst_case_nanousd=self._shop.pricing.worst_case_nanousd(
                self._model,
                prompt_tokens=self._draft.prompt.most_input_tokens(),
                max_output_tokens=max_output_tokens,
                cache_ttl=self._draft.prompt.cache_ttl,
                when=self._when,
            ),
            expected_input_tokens=self._tokens,
            max_output_tokens=max_output_tokens,
        )

    def _exchange(self, entry: OpenEntry, slot: Slot) -> "Exchange":
        from bot.claude.exchange import Exchange  # here, because the SDK takes long to import

        reader = MessageReader(
            model=self._model, cache_ttl=self._draft.prompt.cache_ttl, after=self._draft.text
        )
        return Exchange(
            sdk=self._shop.connection.sdk,
            clock=self._shop.clock,
            timeouts=self._shop.timeouts,
            body=self._body,
            reader=reader,
            slot=slot,
            entry=entry,
            deadline=self._order.deadline,
        )

    async def _hand_over(self, entry: OpenEntry, reader: MessageReader) -> None:
        """The round succeeded. Only an answer's last entry stays open: the caller closes it together
        with what it keeps of the answer."""
        owed = self._owed(entry, EntryStatus.COMPLETED, reader.usage, reader)
        entry.progress(owed.usage, final=True)
        if self._draft.will_resume(reader.stop_reason):
            await self._close(owed)
        self._draft.add(
            FinishedRound(
                entry_id=entry.entry_id,
                text=reader.text,
                blocks=reader.blocks,
                stop_reason=reader.stop_reason or "",
                refusal_category=reader.refusal_category,
                usage=owed.usage,
                cost_nanousd=owed.cost_nanousd,
                request_id=owed.request_id,
            )
        )
        self._report("completed", owed)

    async def _settle(self, entry: OpenEntry, exchange: "Exchange", error: BaseException) -> None:
        """The round failed, or its caller went away."""
        status, usage = exchange.settlement(error, self._tokens)
        owed = self._owed(entry, status, usage, exchange.reader)
        outcome = "abandoned"
        if isinstance(error, ClaudeError):
            outcome = error.kind
            owed = replace(owed, request_id=error.request_id)
        await self._close(owed)
        self._report(outcome, owed)

    def _owed(
        self, entry: OpenEntry, status: EntryStatus, usage: Usage, reader: MessageReader
    ) -> Closing:
        cost_nanousd = self._shop.pricing.cost_nanousd(
            self._model, usage, when=self._when, web_searches=reader.web_searches
        )
        if reader.is_free:
            cost_nanousd = 0
        return Closing(entry.entry_id, usage, status, cost_nanousd, reader.request_id)

    async def _close(self, owed: Closing) -> None:
        await self._shop.bookkeeper.close(self._order.books, owed)

    def _report(self, outcome: str, owed: Closing) -> None:
        self._shop.observer.request_ended(
            RequestReport(
                model=self._model,
                attribution=self._order.attribution,
                outcome=outcome,
                status=owed.status,
                usage=owed.usage,
                cost_nanousd=owed.cost_nanousd,
                duration_s=self._elapsed_s(),
                first_text_s=self._first_text_s,
                request_id=owed.request_id,
            )
        )

    def _request_body(self) -> Json:
        known = self._shop.catalogue.get(self._model)
        return request_body(self._draft.prompt, model_id=self._model, model=known)

    def _note_first_text(self) -> None:
        if self._first_text_s is None:
            self._first_text_s = self._elapsed_s()

    def _elapsed_s(self) -> float:
        return self._shop.clock.monotonic() - self._asked_at
