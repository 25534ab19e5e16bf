"""Brings one claimed turn to its end: settle what is said, commit it, then show it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import structlog

from bot.engine import notices
from bot.engine.delivery import Delivery
from bot.engine.interrupt import Interrupt
from bot.engine.leased_adapter import LeasedAdapter
from bot.engine.live_reply import LiveReply
from bot.engine.settlement import Settlement
from bot.engine.turn_run import Deferred, Services, TurnRun
from bot.engine.writing import patiently
from bot.ports import Adapter, ThreadGone
from bot.telemetry.logs import turn_context
from bot.vocabulary import TurnLeft, TurnOutcome
from storage import turns
from storage.errors import LeaseLost, StorageUnavailable
from storage.turns import TurnStatus, Work

log = structlog.get_logger(__name__)


class TurnRunner:
    """Runs turns. It holds nothing of its own between them."""

    def __init__(self, *, services: Services, adapters: Mapping[str, Adapter]) -> None:
        self._services = services
        self._adapters = adapters
        self._settlement = Settlement(services=services)
        self._delivery = Delivery(services=services)

    async def run(self, work: Work, interrupt: Interrupt) -> datetime | None:
        """Bring the turn to its end; when it goes on, if it was deferred. See `RunsTurns`."""
        adapter = self._adapters[work.held.thread.channel.platform]
        with turn_context(work.turn.id, work.held.thread.key):
            turn = self._turn(work, interrupt, adapter)
            try:
                with self._services.tracing.span("turn", turn=work.turn.id):
                    return await self._run(turn)
            finally:
                await turn.reply.aclose()

    async def _run(self, turn: TurnRun) -> datetime | None:
        outcome: TurnOutcome | TurnLeft = TurnOutcome.FAILED
        try:
            again_at = await self._to_its_end(turn)
            outcome = _outcome(turn)
        except asyncio.CancelledError:
            outcome = TurnLeft.LEASE_LOST if turn.interrupt.lost else TurnLeft.HANDED_OVER
            if not turn.interrupt.lost:
                await self._hand_over(turn)
            raise
        except LeaseLost:
            outcome = TurnLeft.LEASE_LOST
            log.warning("another replica has taken the thread over")
            return None
        except StorageUnavailable as error:
            outcome = TurnLeft.DATABASE_AWAY
            self._services.metrics.database_failed("turn")
            log.error("turn left to whoever claims it next", error=str(error))
            return None
        except Exception:
            log.exception("a defect; the turn is tried again when its lease has run out")
            return None
        finally:
            self._services.metrics.turn_finished(outcome)
        return again_at

    async def _to_its_end(self, turn: TurnRun) -> datetime | None:
        try:
            try:
                if turn.work.turn.status is TurnStatus.OPEN:
                    await self._settlement.settle(turn)
            except Deferred as deferral:
                return await self._delivery.defer(turn, deferral)
            return await self._delivery.deliver(turn)
        except ThreadGone as error:
            return await self._abandon(turn, error)

    async def _abandon(self, turn: TurnRun, error: ThreadGone) -> datetime | None:
        """Nobody can be told anything: end the turn where it is."""
        log.error("nothing can be shown here any more", error=str(error))
        turn.detail = "thread gone"
        if turn.work.turn.status is TurnStatus.OPEN:
            await self._settlement.write_off(turn)
        return await self._delivery.end(turn, parked=True, detail=turn.detail)

    async def _hand_over(self, turn: TurnRun) -> None:
        try:
            await self._delivery.let_go(turn, until=None)
        except (LeaseLost, StorageUnavailable) as error:
            log.info("not handed over; the lease will run out", error=str(error))

    def _turn(self, work: Work, interrupt: Interrupt, adapter: Adapter) -> TurnRun:
        services, clock = self._services, self._services.clock
        now = clock.monotonic()
        leased = LeasedAdapter(adapter, is_held=lambda: clock.monotonic() < interrupt.held_until)
        channel = work.held.thread.channel
        channel_settings = services.settings.for_channel(
            channel_key=channel.key, workspace_key=channel.workspace_key
        )
        return TurnRun(
            work=work,
            services=services,
            interrupt=interrupt,
            adapter=adapter,
            shown_through=leased,
            reply=self._reply(work, leased),
            channel_settings=channel_settings,
            books=services.books.for_turn(
                work.turn.id, channel_key=channel.key, limits=channel_settings.limits
            ),
            started=now,
            deadline=now + channel_settings.claude.turn_deadline_s,
            revision=work.held.revision,
            stop_requested=work.held.stop_requested,
        )

    def _reply(self, work: Work, adapter: Adapter) -> LiveReply:
        database = self._services.database

        async def save(message_ids: list[str]) -> None:
            await patiently(
                self._services,
                lambda: database.write(turns.save_reply, work, message_ids, now=database.now()),
            )

        return LiveReply(
            adapter=adapter,
            thread=work.held.thread,
            turn_id=work.turn.id,
            clock=self._services.clock,
            save=save,
            message_ids=work.turn.reply_ids,
            recovering=work.resumed,
            status_text=notices.THINKING,
            buttons=self._services.settings.replies.buttons,
            may_mention=_heard(work),
            answers=work.messages[-1].message.id if work.messages else None,
        )


def _heard(work: Work) -> frozenset[str]:
    """Those who take part in the conversation: only they may be mentioned."""
    return frozenset(work.held.speakers) | {each.message.author.id for each in work.messages}


def _outcome(turn: TurnRun) -> TurnOutcome | TurnLeft:
    """How a turn came out that ran to where it ends or goes on later."""
    outcome = turn.work.turn.outcome
    return outcome if turn.over and outcome is not None else TurnLeft.DEFERRED
