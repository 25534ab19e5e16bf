"""The dispatcher: claims threads whose turn has come, keeps the leases, runs the turns.

One turn per thread at a time; different threads never wait for each other. In the process itself the
wake-up is an event; other replicas are heard through the database; a slow poll is the safety net.
"""

import asyncio
import functools
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from bot.engine.accounts import LedgerBooks
from bot.engine.interrupt import Interrupt
from bot.engine.progress import LOOK_S
from bot.engine.wakeup import Wakeup
from bot.telemetry.metrics import Metrics
from bot.vocabulary import Clock, new_id
from config.sections import EngineSettings
from storage import claims, inbox, turns
from storage.database import Database
from storage.errors import StorageError
from storage.ledger import PriceOf
from storage.threads import Signal
from storage.turns import Work

log = structlog.get_logger(__name__)

CLAIM_LIMIT = 50
"""Threads taken in one transaction: few round trips under load, and still a short transaction."""

HAND_OVER_S = 2.0
"""How long turns that are handed over may take to write that down."""

RECOVERY_S = 1.0
"""How long to wait after the database failed before it is asked again."""


class RunsTurns(Protocol):
    """What a claimed turn is given to."""

    async def run(self, work: Work, interrupt: Interrupt) -> datetime | None:
        """Bring the turn to its end, or as far as it gets; never raises but when cancelled.

        Returns when the thread can be claimed again: at once if its next turn waits, later if this one
        was deferred, None if neither. A cancelled turn is handed over.
        """


@dataclass(slots=True)
class _Active:
    work: Work
    interrupt: Interrupt = field(default_factory=Interrupt)
    task: "asyncio.Task[None] | None" = None
    revision: int = 0


class Dispatcher:
    """Runs every turn of this replica. `run` until cancelled, then `drain`."""

    def __init__(
        self,
        *,
        database: Database,
        runner: RunsTurns,
        books: LedgerBooks,
        settings: EngineSettings,
        clock: Clock,
        metrics: Metrics,
        price_of: PriceOf,
        owner: str,
        platforms: Collection[str],
        wakeup: Wakeup,
    ) -> None:
        self._database = database
        self._runner = runner
        self._books = books
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._price_of = price_of
        self._owner = owner
        self._platforms = platforms
        self._active: dict[str, _Active] = {}
        self._wakeup = wakeup
        self._idle = asyncio.Event()
        self._idle.set()
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def active(self) -> int:
        """How many turns are running here."""
        return len(self._active)

    async def run(self) -> None:
        """Claim and run turns until cancelled; running turns go on until `drain`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._claim_forever())
            group.create_task(self._beat_forever())
            group.create_task(self._save_forever())
            group.create_task(self._database.listen(self._wakeup.wake))

    async def drain(self, timeout_s: float) -> None:
        """Let running turns finish for so long, then hand the rest over to whoever comes next."""
        for timer in self._timers:
            timer.cancel()
        still = [asyncio.create_task(each()) for each in (self._beat_forever, self._save_forever)]
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            log.info("handing over", turns=len(self._active))
        finally:
            for each in still:
                each.cancel()
        tasks = [active.task for active in self._active.values() if active.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=HAND_OVER_S)
            if left:
                log.error("not handed over in time; the leases will run out", turns=len(left))

    async def _claim_forever(self) -> None:
        while True:
            self._wakeup.rung.clear()
            try:
                more = await self._claim()
            except StorageError as error:
                self._metrics.database_failed("claim")
                log.error("no turn can be claimed", error=str(error))
                await self._clock.sleep(RECOVERY_S)
                continue
            except Exception:
                log.exception("a defect in claiming turns")
                await self._clock.sleep(RECOVERY_S)
                continue
            if not more:
                await self._wait_for_work()

    async def _wait_for_work(self) -> None:
        try:
            async with asyncio.timeout(self._settings.poll_s):
                await self._wakeup.rung.wait()
        except TimeoutError:
            return

    async def _claim(self) -> bool:
        """Claim what there is room for; true if there may be more."""
        room = min(CLAIM_LIMIT, self._settings.max_active_turns - len(self._active))
        if room <= 0:
            return False
        asked_at = self._clock.monotonic()
        works = await self._database.write(
            claims.take,
            owner=self._owner,
            now=self._database.now(),
            lease_s=self._settings.lease_s,
            limit=room,
            new_id=functools.partial(_new_id, self._clock),
            price_of=self._price_of,
            platforms=tuple(self._platforms),
        )
        for work in works:
            self._start(work, held_until=asked_at + self._settings.lease_s)
        return len(works) == room

    def _start(self, work: Work, *, held_until: float) -> None:
        key = work.held.fence.thread_key
        earlier = self._active.get(key)
        if earlier is not None:  # we lost it and claimed it anew before the old turn noticed
            earlier.interrupt.lost = True
            if earlier.task is not None:
                earlier.task.cancel()
        active = _Active(work, revision=work.held.revision)
        active.interrupt.held_until = held_until
        self._active[key] = active
        self._wakeup.running[key] = active.interrupt
        self._idle.clear()
        self._metrics.turn_started()
        active.task = asyncio.create_task(self._run(active), name=f"turn {work.turn.id}")

    async def _run(self, active: _Active) -> None:
        try:
            again_at = await self._runner.run(active.work, active.interrupt)
        finally:
            self._ended(active)
        if again_at is not None:
            self._wake_at(again_at)

    def _ended(self, active: _Active) -> None:
        if len(self._active) >= self._settings.max_active_turns:
            self._wakeup.wake()  # there is room again
        key = active.work.held.fence.thread_key
        if self._active.get(key) is active:
            del self._active[key]
            del self._wakeup.running[key]
        if not self._active:
            self._idle.set()

    def _wake_at(self, until: datetime) -> None:
        delay_s = max(0.0, (until - self._database.now()).total_seconds())

        def due() -> None:
            self._timers.discard(timer)
            self._wakeup.wake()

        timer = asyncio.get_running_loop().call_later(delay_s, due)
        self._timers.add(timer)

    async def _beat_forever(self) -> None:
        while True:
            try:
                await self._beat()
            except StorageError as error:
                self._metrics.database_failed("heartbeat")
                log.error("leases not renewed", error=str(error), turns=len(self._active))
            except Exception:
                log.exception("a defect in the heartbeat")
            await self._clock.sleep(self._settings.heartbeat_s)

    async def _save_forever(self) -> None:
        """Write down what running requests have used, more often than heartbeats come; but no more often
        while the database is away, or the log would have little else."""
        while True:
            await self._clock.sleep(LOOK_S)
            try:
                await self._books.save_progress()
            except StorageError as error:
                self._metrics.database_failed("progress")
                log.error("not written down what was used", error=str(error))
                await self._clock.sleep(self._settings.heartbeat_s)
            except Exception:
                log.exception("a defect in writing down what was used")

    async def _beat(self) -> None:
        """Renew the leases, write down when requests left that were held up, count what waits."""
        if self._active:
            await self._renew(dict(self._active))  # first: nothing is as urgent
        await self._books.save_starts()
        await self._database.synchronise_clock()
        depth = await self._database.look(inbox.depth)
        self._wakeup.waiting = depth.waiting
        oldest = depth.oldest_received_at
        age_s = 0.0 if oldest is None else (self._database.now() - oldest).total_seconds()
        self._metrics.queue_sampled(depth=depth.waiting, oldest_waiting_s=max(0.0, age_s))

    async def _renew(self, held: dict[str, _Active]) -> None:
        held_until = self._clock.monotonic() + self._settings.lease_s
        due = self._books.due()
        signals = await self._database.write(
            turns.keep,
            owner=self._owner,
            held=[active.work.held.fence for active in held.values()],
            running=due,
            now=self._database.now(),
            lease_s=self._settings.lease_s,
        )
        self._books.saved(due)
        for key, active in held.items():
            self._notice(active, signals.get(key), held_until=held_until)

    def _notice(self, active: _Active, signal: Signal | None, *, held_until: float) -> None:
        if active.task is None or active.task.done() or active.interrupt.letting_go:
            return
        if signal is None:
            log.warning("lease lost", turn=active.work.turn.id)
            active.interrupt.lost = True
            active.task.cancel()
            return
        active.interrupt.held_until = held_until
        if signal.revision != active.revision:
            active.revision = signal.revision
            active.interrupt.changed.set()


def _new_id(clock: Clock) -> str:
    return new_id(clock.now())
