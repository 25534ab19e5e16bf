"""Items asked about by requests of their own, many at once."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from bot.batch.capped_books import CappedBooks
from bot.batch.errors import BatchStopped, MaxCostReached
from bot.batch.plan import Question
from bot.batch.records import Failed, Record, done_by
from bot.batch.state import StateFile
from bot.claude.bound import Claude
from bot.claude.errors import ClaudeError, ModelNotFound, NotAuthorised, SpendLimitReached
from bot.claude.events import Completion
from bot.claude.parallel import in_parallel
from bot.money.budget_queue import BudgetQueue
from bot.vocabulary import Clock
from storage.errors import BudgetExceeded, StorageError, Unpriced

MAX_TRIES: Final = 5
"""So often an item is asked about while the provider is overloaded or limits the rate, each time after a
longer pause; the client has tried several times by then."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 120.0

log = structlog.get_logger(__name__)

HOPELESS = (
    BudgetExceeded,
    Unpriced,
    StorageError,
    NotAuthorised,
    SpendLimitReached,
    ModelNotFound,
)
"""What one item fails of, all others would fail of as well."""


class Direct:
    """Asks, within the limits of the process, and writes down each answer the moment it is there."""

    def __init__(
        self,
        *,
        claude: Claude,
        books: CappedBooks,
        room: BudgetQueue,
        state: StateFile,
        at_once: int,
        patience_s: float,
        clock: Clock,
        on_record: Callable[[Record], None],
    ) -> None:
        self._claude = claude
        self._books = books
        self._room = room
        self._state = state
        self._at_once = at_once
        self._patience_s = patience_s
        self._on_record = on_record
        self._clock = clock
        self._in_vain = 0
        """So many items failed one after the other because of the provider."""
        self._stopped: BatchStopped | None = None

    async def run(self, questions: Sequence[Question]) -> None:
        """Ask all. One that fails leaves the others alone.

        Raises:
            BatchStopped: it makes no sense to go on; what was under way has been finished.
        """
        await in_parallel(self._ask, questions, at_once=self._at_once)
        if self._stopped is not None:
            raise self._stopped

    async def _ask(self, question: Question) -> Completion:
        failures = 0
        while self._stopped is None:
            settlements = self._books.settlements
            try:
                return await self._claude.ask(
                    question.prompt, on_answer=partial(self._answered, question.key)
                )
            except MaxCostReached as error:
                if not await self._books.settled(self._patience_s, since=settlements):
                    self._stop(error)
            except BudgetExceeded as error:
                await self._wait_for_room(error, question)
            except HOPELESS as error:
                self._stop(BatchStopped(str(error)))
            except ClaudeError as error:
                failures += 1
                if error.outage and failures < MAX_TRIES:
                    await self._clock.sleep(_pause_s(failures, error))
                    continue
                self._failed(question, error)
                raise
            except Exception:
                log.exception("a defect kept an item from being answered")
                why = "an error in Parley; the log says more"
                self._record(Failed(key=question.key, kind="defect", message=why))
                raise
        raise self._stopped

    async def _wait_for_room(self, refusal: BudgetExceeded, question: Question) -> None:
        """Until there may be room that is held, by this batch or for people; if none comes free in time,
        or the database goes away meanwhile, it makes no sense to go on."""
        why: StorageError = refusal
        try:
            async with asyncio.timeout(self._patience_s):
                if refusal.held and await self._room.wait(refusal, question.key):
                    return
        except TimeoutError:
            pass
        except StorageError as error:
            why = error
        self._stop(BatchStopped(str(why)))

    def _failed(self, question: Question, error: ClaudeError) -> None:
        self._record(Failed(key=question.key, kind=error.kind, message=str(error)))
        self._in_vain += error.outage
        if self._in_vain >= self._at_once:
            self._stop(BatchStopped(f"the provider does not answer ({error}); try again later"))

    def _answered(self, key: str, completion: Completion) -> None:
        self._in_vain = 0
        self._record(done_by(key, completion))

    def _record(self, record: Record) -> None:
        self._state.record(record)
        self._on_record(record)

    def _stop(self, error: BatchStopped) -> None:
        self._stopped = self._stopped or error


def _pause_s(failures: int, error: ClaudeError) -> float:
    """How long to leave the provider alone."""
    backoff_s = FIRST_PAUSE_S * 2.0 ** (failures - 1)
    return min(max(backoff_s, error.retry_after_s or 0.0), LONGEST_PAUSE_S)
