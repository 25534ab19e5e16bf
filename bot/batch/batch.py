"""A batch, from its first run to its last: what is done stays done."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from bot.batch.batch_ledger import BatchLedger
from bot.batch.capped_books import CappedBooks
from bot.batch.direct import Direct
from bot.batch.errors import BatchStopped
from bot.batch.handing_over import HandingOver
from bot.batch.output import Line
from bot.batch.plan import Plan, Question
from bot.batch.records import Done, Record
from bot.batch.state import StateFile
from bot.batch.taking_in import TakingIn
from bot.claude.client import ClaudeClient
from bot.engine.accounts import LedgerBooks
from bot.engine.progress import LOOK_S
from bot.money.budget_queue import BudgetQueue
from bot.vocabulary import Attribution, Clock, new_id
from config import Settings
from storage import ledger, usage_sums
from storage.database import Database
from storage.errors import StorageError
from storage.migrations.start import bring_up_to_date
from storage.usage_sums import UsageSum

log = structlog.get_logger(__name__)

PURPOSE = "batch"

Progress = Callable[[int, int, int], None]
"""How many items are done, of how many, and what they have cost in nano-dollars."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a run. The usage is that of all runs of the batch, as the ledger has it."""

    lines: Sequence[Line]
    usage: UsageSum
    stopped: str | None = None
    """Why it stopped before everything was asked."""

    @property
    def counts(self) -> Counter[str]:
        """How many items had which outcome."""
        return Counter(line.outcome for line in self.lines)


class Batch:
    """Runs a plan. It has the ledger, the budgets and the client that the service would have."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        claude: ClaudeClient,
        books: LedgerBooks,
        room: BudgetQueue,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._claude = claude
        self._books = books
        self._room = room
        self._clock = clock

    async def run(self, plan: Plan, *, on_progress: Progress) -> Summary:
        """Ask about every item that is not done yet.

        Raises:
            BatchUnusable: the state file can't be had or belongs to another batch.
            StorageError: the database can't be had.
        """
        questions = plan.questions()
        await bring_up_to_date(self._database)
        await self._database.synchronise_clock()
        with StateFile(
            plan.state_file,
            run=new_id(self._clock.now()),
            digest=plan.digest,
            clock=self._clock,
            restart=plan.restart,
        ) as state:
            stopped = await self._run(plan, questions, state, on_progress)
            usage = await self._database.read(usage_sums.total_of, _turn_id(state))
            known = state.known
            lines = [
                Line(each.item, known.done.get(each.key) or known.failed.get(each.key))
                for each in questions
            ]
        return Summary(lines, usage, stopped)

    async def _run(
        self, plan: Plan, questions: Sequence[Question], state: StateFile, on_progress: Progress
    ) -> str | None:
        """Why it stopped early, if it did."""
        await self._settle(state)
        spent = (await self._database.read(usage_sums.total_of, _turn_id(state))).cost_nanousd
        cap = CappedBooks(self._books, limit_nanousd=plan.limit_nanousd, spent_nanousd=spent)
        work = _Work(plan, questions, state, cap, on_progress)
        try:
            async with self._saving_progress():
                await self._ask_all(work)
        except BatchStopped as stopped:
            return str(stopped)
        return None

    async def _ask_all(self, work: "_Work") -> None:
        """Raises `BatchStopped`."""
        attribution = Attribution(PURPOSE, turn_id=_turn_id(work.state))
        batch_ledger = BatchLedger(
            books=self._books,
            cap=work.cap,
            plan=work.plan,
            attribution=attribution,
            catalogue=self._settings.models,
            pricing=self._claude.pricing,
            clock=self._clock,
            run=work.state.run,
        )
        taking_in = TakingIn(
            batches=self._claude.batches,
            ledger=batch_ledger,
            model=work.plan.model,
            state=work.state,
            clock=self._clock,
            on_record=work.recorded,
        )
        await taking_in.all()  # what an earlier run has handed over
        if work.plan.by_api:
            await HandingOver(
                batches=self._claude.batches,
                ledger=batch_ledger,
                taking_in=taking_in,
                state=work.state,
                clock=self._clock,
            ).run(work.left)
        else:
            await self._direct(work, attribution).run(work.left)

    def _direct(self, work: "_Work", attribution: Attribution) -> Direct:
        claude = work.plan.claude
        return Direct(
            claude=self._claude.bound(
                models=(work.plan.model,),
                attribution=attribution,
                books=work.cap,
                deadline_s=claude.turn_deadline_s,
            ),
            books=work.cap,
            room=self._room,
            state=work.state,
            at_once=claude.max_concurrency,
            patience_s=claude.turn_deadline_s,
            clock=self._clock,
            on_record=work.recorded,
        )

    async def _settle(self, state: StateFile) -> None:
        """Close the entries of a run that died: as its answers say, or else as estimated. What the
        provider still has stays open."""
        left = await self._database.read(ledger.open_of, _turn_id(state))
        handed_over = tuple(f"{state.run}-{number}-" for number in state.known.handed_over)
        mine = [each for each in left if not (handed_over and each.startswith(handed_over))]
        if not mine:
            return
        by_entry = {each.entry_id: each for each in state.known.done.values()}
        await self._books.close_all([by_entry[each].closing for each in mine if each in by_entry])
        lost = [each for each in mine if each not in by_entry]
        if lost:
            await self._database.write(
                ledger.close_abandoned,
                now=self._database.now(),
                price_of=self._claude.pricing.cost_nanousd,
                entry_ids=lost,
            )

    @asynccontextmanager
    async def _saving_progress(self) -> AsyncIterator[None]:
        """Meanwhile, what is known of running requests is written down now and then."""
        saving = asyncio.create_task(self._save_progress(), name="progress")
        try:
            yield
        finally:
            saving.cancel()
            await asyncio.wait({saving})

    async def _save_progress(self) -> None:
        while True:
            await self._clock.sleep(LOOK_S)
            try:
                await self._books.save_progress()
            except StorageError as error:
                log.warning("not written down what was used", error=str(error))


class _Work:
    """A run, and how far it is."""

    def __init__(
        self,
        plan: Plan,
        questions: Sequence[Question],
        state: StateFile,
        cap: CappedBooks,
        on_progress: Progress,
    ) -> None:
        self.plan = plan
        self.state = state
        self.cap = cap
        self._questions = questions
        self._on_progress = on_progress
        self._done = sum(each.key in state.known.done for each in questions)
        self._tell()

    @property
    def left(self) -> list[Question]:
        """What is to be asked now."""
        known = self.state.known
        away = {key for each in known.handed_over.values() for key in each.keys}
        return [
            each for each in self._questions if each.key not in known.done and each.key not in away
        ]

    def recorded(self, record: Record) -> None:
        """Something became of an item."""
        self._done += isinstance(record, Done)
        self._tell()

    def _tell(self) -> None:
        self._on_progress(self._done, len(self._questions), self.cap.spent_nanousd)


def _turn_id(state: StateFile) -> str:
    """What the ledger knows the batch by."""
    return f"batch.{state.run}"
