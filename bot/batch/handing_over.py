"""Items handed to the provider as its own message batches, at half the price.

The state file says that items are about to be handed over before they are. A process that dies in between
looks for the batch at the provider then, instead of paying for another one.
"""

from collections.abc import Sequence
from typing import Final

from bot.batch.batch_ledger import BatchLedger
from bot.batch.errors import BatchStopped, MaxCostReached
from bot.batch.plan import Question
from bot.batch.state import HandedOver, StateFile
from bot.batch.taking_in import TakingIn
from bot.claude.errors import ClaudeError
from bot.claude.message_batches import (
    MAX_BYTES,
    MAX_REQUESTS,
    BatchRequest,
    MessageBatches,
    refused_before_work,
)
from bot.vocabulary import Clock
from storage.errors import StorageError

MAX_ATTEMPTS: Final = 5
PAUSE_S: Final = 2.0

OVERHEAD_BYTES: Final = 1_000
"""Of a request, beside its texts."""
BYTES_PER_CHAR: Final = 6
"""At most, where JSON has to escape it."""


class HandingOver:
    """Hands items over, as many at a time as the provider and --max-cost allow."""

    def __init__(
        self,
        *,
        batches: MessageBatches,
        ledger: BatchLedger,
        taking_in: TakingIn,
        state: StateFile,
        clock: Clock,
        max_requests: int = MAX_REQUESTS,
    ) -> None:
        self._batches = batches
        self._ledger = ledger
        self._taking_in = taking_in
        self._state = state
        self._clock = clock
        self._max_requests = max_requests

    async def run(self, questions: Sequence[Question]) -> None:
        """Hand all over and take the results in.

        Raises:
            BatchStopped: it makes no sense to go on; what is handed over stays so.
        """
        left = list(questions)
        while left:
            lot = self._next_lot(left)
            if not lot:
                await self._taking_in.all()
                lot = self._next_lot(left)
            if not lot:
                raise MaxCostReached
            await self._hand_over(lot)
            left = left[len(lot) :]
        await self._taking_in.all()

    def _next_lot(self, questions: Sequence[Question]) -> Sequence[Question]:
        size, count = 0, 0
        for question in questions[: self._max_requests]:
            chars = len(question.prompt.system) + len(question.prompt.messages[0]["content"])
            size += BYTES_PER_CHAR * chars + OVERHEAD_BYTES
            if size > MAX_BYTES and count:
                break
            count += 1
        return questions[: self._ledger.affordable(questions[:count])]

    async def _hand_over(self, lot: Sequence[Question]) -> None:
        which = self._state.handing_over([each.key for each in lot], self._clock.now())
        try:
            await self._ledger.open(which, lot)
        except StorageError as error:
            self._state.taken_back(which)
            raise BatchStopped(str(error)) from error
        ids = self._ledger.entry_ids(which)
        requests = [
            BatchRequest(entry_id, self._ledger.body(question))
            for entry_id, question in zip(ids, lot, strict=True)
        ]
        self._state.handed_over(which, await self._made(which, requests))

    async def _made(self, which: HandedOver, requests: Sequence[BatchRequest]) -> str:
        """The id of the batch that is made of the requests. Raises `BatchStopped` if none is."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return (await self._batches.create(requests)).id
            except ClaudeError as error:
                failed = error
            sure = refused_before_work(failed)
            if sure and not failed.outage:
                break
            await self._clock.sleep(max(PAUSE_S * attempt, failed.retry_after_s or 0.0))
            if not sure and (found := await self._taking_in.found(which)) is not None:
                return found
        await self._ledger.not_billed(self._ledger.entry_ids(which))
        self._state.taken_back(which)
        raise BatchStopped(f"the provider takes no batch: {failed}") from failed
