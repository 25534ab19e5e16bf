"""Results of the provider's batches: waited for, and written down once."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from bot.batch.batch_ledger import LOT, BatchLedger
from bot.batch.errors import BatchStopped
from bot.batch.records import Done, Record, record_of
from bot.batch.state import HandedOver, StateFile
from bot.claude.errors import ClaudeError
from bot.claude.message_batches import LIFETIME, BatchAnswer, MessageBatches
from bot.vocabulary import Clock, Closing
from storage.errors import StorageError

T = TypeVar("T")

FIRST_LOOK_S: Final = 1.0
LOOK_AT_LEAST_EVERY_S: Final = 60.0
SLOWER: Final = 1.5

SKEW: Final = timedelta(minutes=5)
"""How far the provider's clock and this machine's may be apart."""

LATE: Final = timedelta(hours=1)
"""How much later than it promises the provider may end a batch."""

MAX_FAILURES: Final = 6
"""So often in a row the provider may fail to say what it is asked."""


class TakingIn:
    """Waits for batches and takes their results in."""

    def __init__(
        self,
        *,
        batches: MessageBatches,
        ledger: BatchLedger,
        model: str,
        state: StateFile,
        clock: Clock,
        on_record: Callable[[Record], None],
    ) -> None:
        self._batches = batches
        self._ledger = ledger
        self._model = model
        self._state = state
        self._clock = clock
        self._on_record = on_record

    async def all(self) -> None:
        """Take in everything that is handed over. Raises `BatchStopped`."""
        try:
            for which in list(self._state.known.handed_over.values()):
                await self._take_in(which)
        except StorageError as error:
            raise BatchStopped(str(error)) from error

    async def found(self, which: HandedOver) -> str | None:
        """The batch that was made of these items although nobody heard of it, if there is one: it has as
        many requests, and its first result is one of theirs. Raises `BatchStopped`."""
        ids = set(self._ledger.entry_ids(which))
        known = {each.batch_id for each in self._state.known.handed_over.values()}
        since = which.at - SKEW
        for state in reversed(await self._told(lambda: self._batches.since(since))):
            if state.requests == len(ids) and state.id not in known:
                await self._ended(state.id)
                if await self._told(partial(self._is_one_of, state.id, ids)):
                    return state.id
        return None

    async def _take_in(self, which: HandedOver) -> None:
        batch_id = which.batch_id or await self.found(which)
        entry_ids = self._ledger.entry_ids(which)
        if batch_id is None:
            await self._ledger.not_billed(entry_ids)
            self._state.taken_back(which)
            return
        if which.batch_id is None:
            self._state.handed_over(which, batch_id)
        await self._ended(batch_id)
        keys = dict(zip(entry_ids, which.keys, strict=True))
        await self._told(lambda: self._collected(batch_id, keys))
        await self._ledger.not_billed(list(keys))
        self._state.taken_back(which)

    async def _ended(self, batch_id: str) -> None:
        """Return when the batch has ended."""
        pause_s = FIRST_LOOK_S
        while not (state := await self._told(lambda: self._batches.state(batch_id))).ended:
            if self._clock.now() > state.created_at + LIFETIME + LATE:
                raise BatchStopped(f"the provider's batch {batch_id} does not end; try again later")
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * SLOWER, LOOK_AT_LEAST_EVERY_S)

    async def _collected(self, batch_id: str, keys: dict[str, str]) -> None:
        """Write every result down, and take what has one out of `keys` (by the ids of the requests)."""
        lot: list[BatchAnswer] = []
        async with aclosing(self._batches.results(batch_id)) as answers:
            async for answer in answers:
                lot += [answer] if answer.custom_id in keys else []
                if len(lot) >= LOT:
                    await self._take(lot, keys)
                    lot = []
        await self._take(lot, keys)

    async def _take(self, answers: Sequence[BatchAnswer], keys: dict[str, str]) -> None:
        closings = []
        for answer in answers:
            record = self._record(keys[answer.custom_id], answer)
            if record.key not in self._state.known.done:
                self._state.record(record)
                self._on_record(record)
            closings.append(_closing(answer.custom_id, record))
        await self._ledger.close(closings)
        for answer in answers:
            del keys[answer.custom_id]

    def _record(self, key: str, answer: BatchAnswer) -> Record:
        cost = 0 if answer.is_free else self._ledger.cost_nanousd(answer.usage)
        return record_of(key, answer, model=self._model, cost_nanousd=cost)

    async def _is_one_of(self, batch_id: str, ids: set[str]) -> bool:
        results: AsyncGenerator[BatchAnswer, None] = self._batches.results(batch_id)
        async with aclosing(results) as answers:
            first = await anext(answers, None)
        return first is not None and first.custom_id in ids

    async def _told(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the provider says, asked again while it is only out of order. Raises `BatchStopped`."""
        failures = 0
        while True:
            try:
                return await ask()
            except ClaudeError as error:
                failures += 1
                if not error.outage or failures >= MAX_FAILURES:
                    raise BatchStopped(_why(error)) from error
                backoff_s = min(FIRST_LOOK_S * 2.0**failures, LOOK_AT_LEAST_EVERY_S)
                await self._clock.sleep(max(backoff_s, error.retry_after_s or 0.0))


def _closing(entry_id: str, record: Record) -> Closing:
    return record.closing if isinstance(record, Done) else Closing.unbilled(entry_id)


def _why(error: ClaudeError) -> str:
    if error.status == 404:
        return (
            "the provider no longer has the batch or its results, which it keeps for 29 days, or it is "
            "another account's; begin afresh with --restart"
        )
    return f"the provider does not tell how the batch stands: {error}"
