"""Delivers what a turn has committed: shows it, ends the turn, and lets its thread go."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from bot.engine.fences import closed
from bot.engine.pace import retry_delay_s
from bot.engine.turn_run import Deferred, Services, TurnRun
from bot.engine.writing import uninterrupted
from bot.ports import (
    OutgoingFile,
    PlatformBusy,
    PlatformError,
    PlatformUnavailable,
    ShowsReports,
    ThreadGone,
    TurnReport,
)
from bot.vocabulary import ANSWERS, StoredFile
from storage import history, threads, turns
from storage.errors import StorageError

log = structlog.get_logger(__name__)

DELIVERY_S = 30.0
"""One attempt to show the final answer may take so long."""

FIRST_REDELIVERY_S = 5.0
LONGEST_REDELIVERY_S = 300.0


class Delivery:
    """Brings what people see to what was committed. It holds nothing between turns.

    Each verb returns when the thread can be claimed again, None if nothing waits in it.
    """

    def __init__(self, *, services: Services) -> None:
        self._services = services

    async def deliver(self, turn: TurnRun) -> datetime | None:
        """Show the committed answer and end the turn. Raises `ThreadGone`."""
        stored = turn.work.turn
        deadline = self._services.clock.monotonic() + DELIVERY_S
        try:
            if stored.answer is None:
                await turn.reply.withdraw(deadline=deadline)
            else:
                await turn.reply.finish(
                    _with_footer(stored.answer, stored.footer),
                    deadline=deadline,
                    to_be_rated=stored.outcome in ANSWERS,
                    card=stored.card,
                    picture=await self._picture(turn),
                )
            await self._send_files(turn, deadline)
        except (ThreadGone, StorageError):
            raise
        except Exception as error:  # a `PlatformError`, or a defect of the adapter
            return await self._later(turn, error)
        self._measure(turn)
        await self._report(turn)
        log.info("turn ended", outcome=stored.outcome, detail=stored.detail)
        return await self.end(turn, parked=stored.to_be_parked, detail=stored.detail)

    async def defer(self, turn: TurnRun, deferral: Deferred) -> datetime:
        """Say that the answer comes later, and let the thread go until then. Raises `ThreadGone`."""
        deadline = self._services.clock.monotonic() + DELIVERY_S
        try:
            await turn.reply.finish(deferral.sentence, deadline=deadline)
        except (ThreadGone, StorageError):
            raise
        except Exception as error:  # a `PlatformError`, or a defect of the adapter
            log.warning("the delay could not be told", error=str(error), exc_info=_defect(error))
        log.info("turn deferred", until=deferral.until.isoformat())
        await self.let_go(turn, until=deferral.until)
        return deferral.until

    async def end(self, turn: TurnRun, *, parked: bool, detail: str | None) -> datetime | None:
        """The turn is over; now, if the thread's next one can begin."""
        turn.interrupt.letting_go = True
        database = self._services.database
        waiting = await uninterrupted(
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

    async def let_go(self, turn: TurnRun, *, until: datetime | None) -> None:
        """The turn is not over: it goes on at `until`, or as soon as somebody claims it."""
        turn.interrupt.letting_go = True
        database = self._services.database
        await uninterrupted(
            database.write(
                threads.let_go,
                turn.work.held.fence,
                now=database.now(),
                turn_ended=False,
                until=until,
            )
        )

    async def _picture(self, turn: TurnRun) -> OutgoingFile | None:
        """What a card shows beside its words, where the platform has cards."""
        stored = turn.work.turn
        if stored.card is None or not stored.files or not turn.adapter.capabilities.cards:
            return None
        (picture,) = await self._outgoing(turn, stored.files[:1], first=0)
        return picture

    async def _outgoing(
        self, turn: TurnRun, files: Sequence[StoredFile], *, first: int
    ) -> list[OutgoingFile]:
        """Files of a turn with their bytes, marked by their numbers, of which `first` is the first."""
        database = self._services.database
        contents = await database.write(
            history.attachments_of, [file.sha256 for file in files], now=database.now()
        )
        return [
            OutgoingFile(
                f"{turn.id}.f{number}",
                file.name,
                file.media_type,
                contents.get(file.sha256, ("", b""))[1],
                file.alt,
            )
            for number, file in enumerate(files, first)
        ]

    async def _send_files(self, turn: TurnRun, deadline: float) -> None:
        """Send what goes along with the answer and is not in its card, each file once."""
        stored, services = turn.work.turn, turn.services
        in_card = stored.card is not None and turn.adapter.capabilities.cards
        unsent = stored.files[max(len(stored.file_ids), int(in_card)) :]
        if not unsent:
            return
        ids = [*stored.file_ids]
        if in_card and not ids:
            ids = turn.reply.message_ids[:1]  # the picture is in that message
        for file in await self._outgoing(turn, unsent, first=len(ids)):
            ids.append(await self._send_file(turn, file, deadline))
            await services.database.write(turns.save_files, turn.work.held.fence, turn.id, ids)

    async def _send_file(self, turn: TurnRun, file: OutgoingFile, deadline: float) -> str:
        """The id of the file's message: tried until it is there, as long as the deadline leaves time to."""
        adapter, thread, clock = turn.shown_through, turn.work.held.thread, self._services.clock
        failures, may_be_there = 0, turn.work.resumed
        while True:
            try:
                async with asyncio.timeout(max(0.1, deadline - clock.monotonic())):
                    found = await adapter.find(thread, file.mark) if may_be_there else None
                    return found or await adapter.send_file(thread, file)
            except (PlatformBusy, PlatformUnavailable) as error:
                delay_s = retry_delay_s(error, failures)
                if clock.monotonic() + delay_s >= deadline:
                    raise
            failures, may_be_there = failures + 1, True
            await clock.sleep(delay_s)

    async def _later(self, turn: TurnRun, error: Exception) -> datetime | None:
        failures = turn.work.turn.deliveries + 1
        self._services.metrics.delivery_retried(turn.adapter.name, type(error).__name__)
        log.warning(
            "the answer could not be shown",
            error=str(error),
            failures=failures,
            exc_info=_defect(error),
        )
        if failures >= self._services.settings.engine.max_deliveries:
            return await self.end(turn, parked=True, detail="undeliverable")
        database = self._services.database
        now = database.now()
        delay_s = min(FIRST_REDELIVERY_S * 2.0 ** (failures - 1), LONGEST_REDELIVERY_S)
        if isinstance(error, PlatformBusy):
            delay_s = max(delay_s, error.retry_after_s)
        until = now + timedelta(seconds=delay_s)
        turn.interrupt.letting_go = True
        await uninterrupted(
            database.write(turns.undelivered, turn.work.held.fence, turn.id, until=until, now=now)
        )
        return until

    async def _report(self, turn: TurnRun) -> None:
        """Tell what the turn cost where that is shown."""
        stored = turn.work.turn
        if not isinstance(turn.adapter, ShowsReports) or stored.answer is None:
            return
        assert stored.outcome is not None, "what is answered has come out in some way"
        report = TurnReport(stored.outcome, stored.model, turn.books.used, turn.books.cost_nanousd)
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


def _with_footer(answer: str, footer: str | None) -> str:
    return f"{closed(answer)}\n\n_{footer}_" if footer else answer


def _defect(error: Exception) -> Exception | None:
    """The error with its trace, where it is not simply the platform that failed."""
    return None if isinstance(error, PlatformError) else error
