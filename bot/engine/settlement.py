"""Settles what a turn says: takes its steps, and commits the ending they come to."""

import asyncio
from dataclasses import replace

import structlog

from bot.claude.errors import ClaudeError
from bot.engine import endings, notices
from bot.engine.accounts import ChannelLimited
from bot.engine.code_files import take_apart
from bot.engine.plugin_steps import filtered_answer
from bot.engine.steps import STEPS
from bot.engine.turn_run import Deferred, Services, TurnRun
from bot.engine.writing import patiently, uninterrupted
from bot.host.surroundings import stored
from bot.plugins import File
from bot.ports import ThreadGone
from bot.vocabulary import ANSWERS, TurnOutcome
from storage import turns
from storage.errors import BudgetExceeded, LeaseLost, Revised, StorageUnavailable, Unpriced
from storage.turns import Answered, TurnStatus

log = structlog.get_logger(__name__)

BREAK_OFF_S = 5.0
MAX_CRASHES = 5
"""A turn whose process died so often is parked instead of being tried again: it may be the cause."""


class Settlement:
    """Brings an open turn to a committed ending. It holds nothing between turns."""

    def __init__(self, *, services: Services) -> None:
        self._services = services

    async def settle(self, turn: TurnRun) -> None:
        """Find the turn's ending and commit it; begin again when the question changes meanwhile.

        Raises:
            Deferred: it goes on later.
            ThreadGone: nobody can be told.
            LeaseLost, StorageUnavailable: somebody else will have to.
        """
        while True:
            answered = await self._ending(turn)
            if answered is not None and await self._commit(turn, answered):
                return

    async def write_off(self, turn: TurnRun) -> None:
        """Commit that nobody can be told anything."""
        signal, _ = await self._services.database.read(turns.reload, turn.work.held.fence)
        turn.revision = signal.revision
        await self._commit(turn, endings.ended(turn, TurnOutcome.UNREACHABLE, None))

    async def _ending(self, turn: TurnRun) -> Answered | None:
        """The turn's ending; None if its question changed before there was one."""
        if not turn.work.messages:
            return endings.ended(turn, TurnOutcome.WITHDRAWN, None)
        if turn.stop_requested:
            return await self._to_be_shown(turn, endings.stopped(turn))
        if turn.work.held.attempts > MAX_CRASHES:
            turn.detail = "crashes"
            return endings.ended(turn, TurnOutcome.FAILED, notices.failed(turn.id))
        attempt = asyncio.create_task(self._attempt(turn))
        wanted = False
        try:
            wanted = await self._undisturbed(turn, attempt)
        finally:
            if not wanted:
                await self._break_off(attempt)
        return attempt.result() if wanted else None

    async def _break_off(self, attempt: "asyncio.Task[Answered]") -> None:
        """End an attempt; one that had just come to its end is owed all the same."""
        attempt.cancel()
        await asyncio.wait({attempt}, timeout=BREAK_OFF_S)
        if not attempt.done():
            log.error("an attempt does not end when it is cancelled, and is left behind")
        elif not attempt.cancelled() and attempt.exception() is None:
            await self._close_entry(attempt.result())

    async def _undisturbed(self, turn: TurnRun, attempt: "asyncio.Task[Answered]") -> bool:
        """Wait for the attempt; false if the question changed first."""
        news = turn.interrupt.changed
        while True:
            changed = asyncio.create_task(news.wait())
            try:
                await asyncio.wait({attempt, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
            if attempt.done():
                return True
            news.clear()
            if await self._question_changed(turn):
                return False

    async def _attempt(self, turn: TurnRun) -> Answered:
        """Take the steps until one of them ends the turn. However it ends, what Claude has answered is
        either part of the ending or in the ledger."""
        answered: Answered | None = None
        try:
            answered = await self._taken_steps(turn)
            return answered
        finally:
            if turn.owed is not None and (answered is None or answered.entry != turn.owed):
                await uninterrupted(self._services.books.close(turn.owed))
            turn.owed = None

    async def _taken_steps(self, turn: TurnRun) -> Answered:
        try:
            async with asyncio.timeout(turn.remaining_s()) as turn.timer:
                for step in STEPS:
                    with self._services.tracing.span(step.__name__):
                        answered = await step(turn)
                    if answered is not None:
                        return await self._to_be_shown(turn, answered)
            raise AssertionError("the last step ends the turn")
        except (ClaudeError, ChannelLimited, BudgetExceeded, Unpriced) as error:
            log.warning("not answered", error=str(error), kind=getattr(error, "kind", None))
            return await endings.foreseen(turn, error)
        except TimeoutError:
            turn.detail = "deadline"
            return endings.ended(turn, TurnOutcome.FAILED, notices.too_slow(turn.id))
        except (Deferred, ThreadGone, LeaseLost, StorageUnavailable):
            raise
        except Exception:
            log.exception("a defect ended this turn")
            turn.detail = "defect"
            return endings.ended(turn, TurnOutcome.FAILED, notices.failed(turn.id))

    async def _to_be_shown(self, turn: TurnRun, answered: Answered) -> Answered:
        """The ending as filters let it through, with long code in files; the history keeps it whole."""
        answered = await filtered_answer(turn, answered)
        if answered.answer is None or answered.outcome not in ANSWERS:
            return answered
        apart = take_apart(answered.answer, turn.adapter.capabilities)
        if not apart.files:
            return answered
        files = [File(each.name, each.text.encode(), each.media_type) for each in apart.files]
        kept = await patiently(self._services, lambda: stored(self._services.database, files))
        return replace(answered, answer=apart.markdown, files=kept)

    async def _commit(self, turn: TurnRun, answered: Answered) -> bool:
        """Write the ending; false if the question changed just before."""
        while True:
            try:
                await self._write(turn, answered)
                break
            except Revised:
                if await self._question_changed(turn):
                    await self._close_entry(answered)
                    return False
            except (LeaseLost, asyncio.CancelledError):
                await uninterrupted(self._close_entry(answered))
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
                files=answered.files,
                card=answered.card,
            ),
        )
        return True

    async def _write(self, turn: TurnRun, answered: Answered) -> None:
        database = self._services.database
        await patiently(
            self._services,
            lambda: database.write(
                turns.commit, turn.work, answered, revision=turn.revision, now=database.now()
            ),
        )

    async def _close_entry(self, answered: Answered) -> None:
        """The answer was not wanted any more; what it cost is owed all the same."""
        if answered.entry is not None:
            await self._services.books.close(answered.entry)

    async def _question_changed(self, turn: TurnRun) -> bool:
        """Look at the thread again: is this turn asked something else now, or to stop?

        What has arrived in the meantime is the next turn's. A stop keeps the text so far.
        """
        signal, waiting = await self._services.database.read(turns.reload, turn.work.held.fence)
        turn.revision = signal.revision
        turn.news.set()
        asked = {each.id for each in turn.work.messages}
        messages = tuple(each for each in waiting if each.id in asked)
        if messages == turn.work.messages and not signal.stop_requested:
            return False
        turn.stop_requested = signal.stop_requested
        turn.work = replace(turn.work, messages=messages)
        if not turn.stop_requested:
            turn.forget_attempt()
        return True
