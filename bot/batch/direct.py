"""Items asked about by requests of their own, many at once."""

from collections.abc import Callable, Sequence
from functools import partial

from bot.batch.capped_books import CappedBooks
from bot.batch.errors import BatchStopped, MaxCostReached
from bot.batch.plan import Question
from bot.batch.records import Failed, Record, done_by
from bot.batch.state import StateFile
from bot.claude.bound import Claude
from bot.claude.errors import ClaudeError, NotAuthorised, SpendLimitReached
from bot.claude.events import Completion
from bot.claude.parallel import in_parallel
from storage.errors import BudgetExceeded, StorageError, Unpriced

HOPELESS = (BudgetExceeded, Unpriced, StorageError, NotAuthorised, SpendLimitReached)
"""What one item fails of, all others would fail of as well."""


class Direct:
    """Asks, within the limits of the process, and writes down each answer the moment it is there."""

    def __init__(
        self,
        *,
        claude: Claude,
        books: CappedBooks,
        state: StateFile,
        at_once: int,
        patience_s: float,
        on_record: Callable[[Record], None],
    ) -> None:
        self._claude = claude
        self._books = books
        self._state = state
        self._at_once = at_once
        self._patience_s = patience_s
        self._on_record = on_record
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
        while self._stopped is None:
            try:
                return await self._claude.ask(
                    question.prompt, on_answer=partial(self._answered, question.key)
                )
            except MaxCostReached as error:
                if not await self._books.settled(self._patience_s):
                    self._stop(error)
            except HOPELESS as error:
                self._stop(BatchStopped(str(error)))
            except ClaudeError as error:
                self._record(Failed(key=question.key, kind=error.kind, message=str(error)))
                raise
        raise self._stopped

    def _answered(self, key: str, completion: Completion) -> None:
        self._record(done_by(key, completion))

    def _record(self, record: Record) -> None:
        self._state.record(record)
        self._on_record(record)

    def _stop(self, error: BatchStopped) -> None:
        self._stopped = self._stopped or error
