"""Brings one claimed turn to its end: settle what is said, commit it, then show it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from bot.claude.errors import ClaudeError
from bot.engine import endings, notices
from bot.engine.accounts import ChannelLimited
from bot.engine.dispatcher import Interrupt
from bot.engine.leased_adapter import LeasedAdapter
from bot.engine.live_reply import LiveReply
from bot.engine.steps import STEPS
from bot.engine.turn_run import Deferred, Services, TurnRun
from bot.ports import Adapter, PlatformError, ShowsReports, ThreadGone, TurnReport
from bot.telemetry.logs import turn_context
from bot.vocabulary import EntryStatus
from storage import threads, turns
from storage.errors import (
    BudgetExceeded,
    LeaseLost,
    Revised,
    StorageError,
    StorageUnavailable,
    Unpriced,
)
from storage.inbox import Waiting
from storage.threads import Signal
from storage.turns import Answered, TurnStatus, Work

log = structlog.get_logger(__name__)

T = TypeVar("T")

MAX_CRASHES = 5
"""A turn whose process died so often is parked instead of being tried again: it may be the cause."""

DELIVERY_S = 30.0
"""One attempt to show the final answer may take so long."""

FIRST_REDELIVERY_S = 5.0
LONGEST_REDELIVERY_S = 300.0
PATIENCE_S = 30.0
"""With a database that is away: a turn keeps what it has to write for so long."""

WRITE_AGAIN_S = 0.5


class TurnRunner:
    """Runs turns. It holds nothing of its own between them."""

    def __init__(self, *, services: Services, adapters: dict[str, Adapter]) -> None:
        self._services = services
        self._adapters = adapters

    async def run(self, work: Work, interrupt: Interrupt) -> datetime | None:
        """Bring the turn to its end; when it goes on, if it was deferred. See `RunsTurns`."""
        adapter = self._adapters.get(work.held.thread.channel.platform)
        if adapter is None:
            return await self._wait_for_platform(work, interrupt)
        with turn_context(work.turn.id, work.held.thread.key):
            turn = self._turn(work, interrupt, adapter)
            try:
                with self._services.tracing.span("turn", turn=work.turn.id):
                    return await self._run(turn, interrupt)
            finally:
                await turn.reply.aclose()

    async def _run(self, turn: TurnRun, interrupt: Interrupt) -> datetime | None:
        outcome = "failed"
        try:
            again_at = await self._to_its_end(turn, interrupt)
            outcome = str(turn.work.turn.outcome) if turn.over else "deferred"
        except asyncio.CancelledError:
            outcome = "lease_lost" if interrupt.lost else "handed_over"
            if not interrupt.lost:
                await self._hand_over(turn, interrupt)
            raise
        except LeaseLost:
            outcome = "lease_lost"
            log.warning("another replica has taken the thread over")
            return None
        except StorageUnavailable as error:
            outcome = "database_away"
            self._services.metrics.database_failed("turn")
            log.error("turn left to whoever claims it next", error=str(error))
            return None
        except Exception:
            log.exception("a defect; the turn is tried again when its lease has run out")
            return None
        finally:
            self._services.metrics.turn_finished(outcome)
        return again_at

    async def _to_its_end(self, turn: TurnRun, interrupt: Interrupt) -> datetime | None:
        try:
            if turn.work.turn.status is TurnStatus.OPEN:
                await self._settle(turn, interrupt)
            return await self._deliver(turn, interrupt)
        except Deferred as deferral:
            return await self._defer(turn, deferral, interrupt)
        except ThreadGone as error:
            return await self._abandon(turn, interrupt, error)

    # Settling: what is to be said, committed

    async def _settle(self, turn: TurnRun, interrupt: Interrupt) -> None:
        """Find the turn's ending and commit it; begin again when the question changes meanwhile."""
        while True:
            answered = await self._ending(turn, interrupt)
            if answered is not None and await self._commit(turn, answered):
                return

    async def _ending(self, turn: TurnRun, interrupt: Interrupt) -> Answered | None:
        """The turn's ending; None if its question changed before there was one."""
        if not turn.work.messages:
            return endings.ended(turn, "withdrawn", None)
        if turn.stop_requested:
            return endings.stopped(turn)
        if turn.work.held.attempts > MAX_CRASHES:
            turn.detail = "crashes"
            return endings.ended(turn, "failed", notices.failed(turn.id))
        attempt = asyncio.create_task(self._attempt(turn))
        try:
            if await self._undisturbed(turn, attempt, interrupt):
                return attempt.result()
        finally:
            if not attempt.done():
                attempt.cancel()
                await asyncio.wait({attempt})
        if not attempt.cancelled() and attempt.exception() is None:
            await self._close_entry(attempt.result())  # it ended just as the question changed
        return None

    async def _undisturbed(
        self, turn: TurnRun, attempt: "asyncio.Task[Answered]", interrupt: Interrupt
    ) -> bool:
        """Wait for the attempt; false if the question changed first."""
        while True:
            changed = asyncio.create_task(interrupt.changed.wait())
            try:
                await asyncio.wait({attempt, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
            if attempt.done():
                return True
            interrupt.changed.clear()
            if await self._question_changed(turn):
                return False

    async def _attempt(self, turn: TurnRun) -> Answered:
        """Take the steps until one of them ends the turn."""
        try:
            async with asyncio.timeout(turn.remaining_s()):
                for step in STEPS:
                    with self._services.tracing.span(step.__name__):
                        answered = await step(turn)
                    if answered is not None:
                        return answered
            raise AssertionError("the last step ends the turn")
        except (ClaudeError, ChannelLimited, BudgetExceeded, Unpriced) as error:
            log.warning("not answered", error=str(error), kind=getattr(error, "kind", None))
            return await endings.foreseen(turn, error)
        except TimeoutError:
            turn.detail = "deadline"
            return endings.ended(turn, "failed", notices.too_slow(turn.id))
        except (Deferred, ThreadGone, LeaseLost, StorageUnavailable):
            raise
        except Exception:
            log.exception("a defect ended this turn")
            turn.detail = "defect"
            return endings.ended(turn, "failed", notices.failed(turn.id))

    async def _commit(self, turn: TurnRun, answered: Answered) -> bool:
        """Write the ending; false if the question changed just before."""
        while True:
            try:
                await self._write_ending(turn, answered)
                break
            except Revised:
                if await self._question_changed(turn):
                    await self._close_entry(answered)
                    return False
            except LeaseLost:
                await self._close_entry(answered)
                raise
        if answered.entry is not None:
            self._services.books.forget(answered.entry.entry_id)
        turn.work = replace(
            turn.work,
            turn=replace(
                turn.work.turn,
                status=TurnStatus.ANSWERED,
                outcome=answered.outcome,
                model=answered.model,
                answer=answered.answer,
                footer=answered.footer,
                detail=answered.detail,
            ),
        )
        return True

    async def _write_ending(self, turn: TurnRun, answered: Answered) -> None:
        now = self._services.database.now
        await self._patiently(
            lambda: self._services.database.write(
                turns.commit, turn.work, answered, revision=turn.revision, now=now()
            )
        )

    async def _patiently(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write, again and again if the database is away for a moment; only between two attempts can
        this be cancelled."""
        clock = self._services.clock
        give_up_at = clock.monotonic() + PATIENCE_S
        while True:
            try:
                return await _uninterrupted(write())
            except StorageUnavailable:
                if clock.monotonic() >= give_up_at:
                    raise
                self._services.metrics.database_failed("turn")
                await clock.sleep(WRITE_AGAIN_S)

    async def _close_entry(self, answered: Answered) -> None:
        """The answer was not wanted any more; what it cost is owed all the same."""
        entry = answered.entry
        if entry is not None:
            await self._services.books.close(
                entry.entry_id,
                usage=entry.usage,
                status=EntryStatus.COMPLETED,
                cost_nanousd=entry.cost_nanousd,
                request_id=entry.request_id,
            )

    async def _question_changed(self, turn: TurnRun) -> bool:
        """Look at the thread again: is this turn asked something else now, or to stop?

        What has arrived in the meantime is the next turn's. A stop keeps the text so far.
        """
        signal, waiting = await self._read_thread(turn)
        turn.revision = signal.revision
        asked = {each.id for each in turn.work.messages}
        messages = tuple(each for each in waiting if each.id in asked)
        if messages == turn.work.messages and not signal.stop_requested:
            return False
        turn.stop_requested = signal.stop_requested
        turn.work = replace(turn.work, messages=messages)
        if not turn.stop_requested:
            turn.forget_attempt()
        return True

    async def _read_thread(self, turn: TurnRun) -> tuple[Signal, tuple[Waiting, ...]]:
        return await self._services.database.read(turns.reload, turn.work.held.fence)

    # Delivering: what is committed, shown

    async def _deliver(self, turn: TurnRun, interrupt: Interrupt) -> datetime | None:
        """Bring what people see to the committed answer, and end the turn."""
        stored = turn.work.turn
        deadline = self._services.clock.monotonic() + DELIVERY_S
        try:
            if stored.answer is None:
                await turn.reply.withdraw(deadline=deadline)
            else:
                footer = f"\n\n_{stored.footer}_" if stored.footer else ""
                await turn.reply.finish(f"{stored.answer}{footer}", deadline=deadline)
        except (ThreadGone, StorageError):
            raise
        except Exception as error:  # a `PlatformError`, or a defect of the adapter
            return await self._deliver_later(turn, error, interrupt)
        await self._report(turn)
        log.info("turn ended", outcome=stored.outcome, detail=stored.detail)
        return await self._end(turn, interrupt, parked=stored.to_be_parked, detail=stored.detail)

    async def _deliver_later(
        self, turn: TurnRun, error: Exception, interrupt: Interrupt
    ) -> datetime | None:
        failures = turn.work.turn.deliveries + 1
        self._services.metrics.delivery_retried(turn.adapter.name, type(error).__name__)
        log.warning(
            "the answer could not be shown",
            error=str(error),
            failures=failures,
            exc_info=None if isinstance(error, PlatformError) else error,
        )
        if failures >= self._services.settings.engine.max_deliveries:
            return await self._end(turn, interrupt, parked=True, detail="undeliverable")
        now = self._services.database.now()
        delay_s = min(FIRST_REDELIVERY_S * 2.0 ** (failures - 1), LONGEST_REDELIVERY_S)
        until = now + timedelta(seconds=delay_s)
        interrupt.letting_go = True
        await _uninterrupted(
            self._services.database.write(
                turns.undelivered, turn.work.held.fence, turn.id, until=until, now=now
            )
        )
        return until

    async def _defer(
        self, turn: TurnRun, deferral: Deferred, interrupt: Interrupt
    ) -> datetime | None:
        """Say that the answer comes later, and let the thread go until then."""
        deadline = self._services.clock.monotonic() + DELIVERY_S
        try:
            await turn.reply.finish(deferral.sentence, deadline=deadline)
        except ThreadGone as error:
            return await self._abandon(turn, interrupt, error)
        except PlatformError as error:
            log.warning("the delay could not be told", error=str(error))
        log.info("turn deferred", until=deferral.until.isoformat())
        await self._let_go(turn, interrupt, until=deferral.until)
        return deferral.until

    async def _abandon(
        self, turn: TurnRun, interrupt: Interrupt, error: ThreadGone
    ) -> datetime | None:
        """Nobody can be told anything: end the turn where it is."""
        log.error("nothing can be shown here any more", error=str(error))
        turn.detail = "thread gone"
        if turn.work.turn.status is TurnStatus.OPEN:
            turn.revision = (await self._read_thread(turn))[0].revision
            await self._commit(turn, endings.ended(turn, "unreachable", None))
        return await self._end(turn, interrupt, parked=True, detail=turn.detail)

    async def _hand_over(self, turn: TurnRun, interrupt: Interrupt) -> None:
        try:
            await self._let_go(turn, interrupt, until=None)
        except (LeaseLost, StorageUnavailable) as error:
            log.info("not handed over; the lease will run out", error=str(error))

    async def _wait_for_platform(self, work: Work, interrupt: Interrupt) -> datetime:
        """The platform is not configured here (any more): leave the turn to a replica that has it."""
        database = self._services.database
        now = database.now()
        until = now + timedelta(seconds=LONGEST_REDELIVERY_S)
        self._services.metrics.turn_finished("no_platform")
        interrupt.letting_go = True
        await database.write(
            threads.let_go, work.held.fence, now=now, turn_ended=False, until=until
        )
        return until

    async def _let_go(self, turn: TurnRun, interrupt: Interrupt, *, until: datetime | None) -> None:
        interrupt.letting_go = True
        database = self._services.database
        await _uninterrupted(
            database.write(
                threads.let_go,
                turn.work.held.fence,
                now=database.now(),
                turn_ended=False,
                until=until,
            )
        )

    async def _end(
        self, turn: TurnRun, interrupt: Interrupt, *, parked: bool, detail: str | None
    ) -> datetime | None:
        """The turn is over; now, if the thread's next one can begin."""
        interrupt.letting_go = True
        database = self._services.database
        waiting = await _uninterrupted(
            database.write(
                turns.end,
                turn.work.held.fence,
                turn.id,
                parked=parked,
                detail=detail,
                now=database.now(),
            )
        )
        turn.over = True
        return database.now() if waiting else None

    async def _report(self, turn: TurnRun) -> None:
        """Measure the turn, and tell its cost where that is shown."""
        stored = turn.work.turn
        self._measure(turn)
        if isinstance(turn.adapter, ShowsReports) and stored.answer is not None:
            report = TurnReport(stored.outcome or "", stored.model, turn.used, turn.cost_nanousd)
            try:
                await turn.adapter.report(turn.work.held.thread, report)
            except PlatformError as error:
                log.warning("the cost could not be told", error=str(error))

    def _measure(self, turn: TurnRun) -> None:
        if not turn.work.messages or turn.work.resumed:
            return
        metrics, clock = self._services.metrics, self._services.clock
        received_at = turn.work.messages[0].received_at
        waited_s = max(0.0, (turn.work.turn.opened_at - received_at).total_seconds())
        if turn.reply.feedback_at is not None:
            metrics.feedback_shown(waited_s + turn.reply.feedback_at - turn.started)
        if turn.reply.first_text_at is not None:
            metrics.first_text_shown(waited_s + turn.reply.first_text_at - turn.started)
        metrics.final_shown(waited_s + clock.monotonic() - turn.started)

    def _turn(self, work: Work, interrupt: Interrupt, adapter: Adapter) -> TurnRun:
        services = self._services
        channel = work.held.thread.channel
        channel_settings = services.settings.for_channel(
            channel_key=channel.key, workspace_key=channel.workspace_key
        )

        async def save(message_ids: list[str]) -> None:
            await self._patiently(
                lambda: services.database.write(
                    turns.save_reply, work.held.fence, work.turn.id, message_ids
                )
            )

        def is_held() -> bool:
            return services.clock.monotonic() < interrupt.held_until

        return TurnRun(
            work=work,
            services=services,
            adapter=adapter,
            reply=LiveReply(
                adapter=LeasedAdapter(adapter, is_held=is_held),
                thread=work.held.thread,
                turn_id=work.turn.id,
                clock=services.clock,
                save=save,
                message_ids=work.turn.reply_ids,
                recovering=work.resumed,
                status_text=notices.THINKING,
            ),
            channel_settings=channel_settings,
            books=services.books.for_turn(
                work.turn.id, channel_key=channel.key, limits=channel_settings.limits
            ),
            started=services.clock.monotonic(),
            deadline=services.clock.monotonic() + channel_settings.claude.turn_deadline_s,
            revision=work.held.revision,
            stop_requested=work.held.stop_requested,
        )


async def _uninterrupted(work: Awaitable[T]) -> T:
    """Await something that must not be torn in half; a cancellation takes effect after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen: whoever cancelled wants to hear of nothing more
        raise
