"""Getting envelopes to the app: attempts, redelivery, and what comes back."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from bot.vocabulary import Clock
from sandbox.changes import Changes
from sandbox.slack.envelopes import (
    Attempt,
    DeliveryRecord,
    DeliveryState,
    Envelope,
    EnvelopeKind,
    Redelivery,
)
from sandbox.slack.errors import SlackError

MAX_KEPT = 5_000

Answered = Callable[[Mapping[str, Any]], object]
"""What to do with the payload of an acknowledgement; empty if it has none."""


class Route(Protocol):
    """A way to the app: its sockets, or its address."""

    async def attempt(
        self, envelope: Envelope, *, number: int, reason: str, within_s: float
    ) -> Attempt:
        """Send it once; `number` counts from 0, `reason` is why the attempt before failed."""


class Courier:
    """Delivers envelopes, each on its own, so that a slow one holds up no other."""

    def __init__(self, *, clock: Clock, changes: Changes, route: Route) -> None:
        self._clock = clock
        self._changes = changes
        self.route = route
        self.redelivery = Redelivery.quick()
        self._records: OrderedDict[int, DeliveryRecord] = OrderedDict()
        self._tasks: dict[asyncio.Task[None], int] = {}
        """What is under way, with the number of its envelope."""
        self._held: list[tuple[Envelope, Answered | None]] | None = None
        self._last = 0
        self.acked = 0
        self.lost = 0

    @property
    def records(self) -> tuple[DeliveryRecord, ...]:
        """The last deliveries, oldest first."""
        return tuple(self._records.values())

    def send(
        self,
        kind: EnvelopeKind,
        label: str,
        payload: Mapping[str, Any],
        answered: Answered | None = None,
    ) -> None:
        """Begin to deliver something new."""
        self._last += 1
        envelope = Envelope(number=self._last, kind=kind, label=label, payload=payload)
        self._note(DeliveryRecord(envelope=envelope))
        if self._held is None:
            self._start(envelope, answered)
        else:
            self._held.append((envelope, answered))

    def hold(self) -> None:
        """Deliver nothing until `release`."""
        if self._held is None:
            self._held = []

    def release(self, *, reverse: bool = False) -> None:
        """Deliver what was held; with `reverse` the newest first."""
        held, self._held = self._held or [], None
        for envelope, answered in reversed(held) if reverse else held:
            self._start(envelope, answered)

    def repeat(self, last: int = 1) -> None:
        """Deliver the last events once more, as Slack does when an acknowledgement got lost."""
        events = [each for each in self.records if each.envelope.kind is EnvelopeKind.EVENT]
        for record in events[-last:]:
            self._start(record.envelope, None, begin_at=1)

    def resume(self) -> None:
        """Begin again with the events that `stop` broke off; nobody waits for the others any more."""
        busy = {*self._tasks.values(), *(envelope.number for envelope, _ in self._held or ())}
        for record in self.records:
            envelope = record.envelope
            broken_off = record.state is DeliveryState.WAITING and envelope.number not in busy
            if broken_off and envelope.kind is EnvelopeKind.EVENT:
                self._start(envelope, None)

    async def stop(self) -> None:
        """Break off what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def clear(self) -> None:
        """Forget what was delivered; what is under way goes on."""
        self._records.clear()
        self._held = None
        self.acked = self.lost = 0

    def _start(self, envelope: Envelope, answered: Answered | None, begin_at: int = 0) -> None:
        task = asyncio.create_task(
            self._deliver(envelope, answered, begin_at), name=f"deliver {envelope.label}"
        )
        self._tasks[task] = envelope.number
        task.add_done_callback(self._tasks.pop)

    async def _deliver(self, envelope: Envelope, answered: Answered | None, begin_at: int) -> None:
        reason = "timeout" if begin_at else ""
        pauses_s = (0.0, *self.redelivery.pauses_s)[begin_at:] or (0.0,)
        if envelope.takes_answer:
            pauses_s = (0.0,)  # a person waits: these are tried once
        for number, pause_s in enumerate(pauses_s, begin_at):
            if pause_s > 0:
                await self._clock.sleep(pause_s)
            attempt = await self.route.attempt(
                envelope, number=number, reason=reason, within_s=self.redelivery.ack_within_s
            )
            self._note_attempt(envelope, attempt)
            if not attempt.reason:
                self._act_on(envelope, attempt, answered)
                return
            if attempt.final:
                break
            reason = attempt.reason
        self._note_lost(envelope)

    def _act_on(self, envelope: Envelope, attempt: Attempt, answered: Answered | None) -> None:
        """Do what an acknowledgement says; what Slack would refuse is noted as a reason."""
        if answered is None:
            return
        try:
            answered(attempt.answer or {})
        except SlackError as error:
            record = self._records[envelope.number]
            self._note(replace(record, reasons=(*record.reasons, error.error)))

    def _note_attempt(self, envelope: Envelope, attempt: Attempt) -> None:
        record = self._records.get(envelope.number, DeliveryRecord(envelope=envelope))
        acked = not attempt.reason
        self.acked += acked
        self._note(
            replace(
                record,
                state=DeliveryState.ACKED if acked else record.state,
                attempts=record.attempts + 1,
                reasons=record.reasons if acked else (*record.reasons, attempt.reason),
                answer=attempt.answer,
            )
        )

    def _note_lost(self, envelope: Envelope) -> None:
        self.lost += 1
        record = self._records.get(envelope.number, DeliveryRecord(envelope=envelope))
        self._note(replace(record, state=DeliveryState.LOST))

    def _note(self, record: DeliveryRecord) -> None:
        self._records[record.envelope.number] = record
        while len(self._records) > MAX_KEPT:
            self._records.popitem(last=False)
        self._changes.announce()
