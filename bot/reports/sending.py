"""Sends digests: each (report, period, destination) once, whatever happens.

A row says that a report is due for a destination. Whoever takes it makes the digest and puts it into the
inbox, in one transaction with the row's change, so that of all replicas and after any crash one does.
From there it is shown as every announcement is: durably, and once. The row is looked at again until it
is known that people see it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog

from bot.money.periods import Period, named
from bot.reports.announcing import announcement
from bot.reports.digest import Digest
from bot.reports.making import DigestMaker
from bot.reports.operators import OperatorsChannel
from bot.reports.picture import Draw
from bot.reports.schedule import ReportSchedule
from bot.reports.targets import Targets, Unreachable
from bot.vocabulary import StoredFile
from storage import history, reports, turns
from storage.database import Database
from storage.errors import StorageError
from storage.reports import ReportStatus, Sending
from storage.turns import Turn, TurnStatus

log = structlog.get_logger(__name__)

HELD = timedelta(seconds=45)
"""So long a report that is being made is nobody else's: whoever makes it may die. Making one takes
seconds; should two make the same, one of them sends it."""

FIRST_LOOK = timedelta(seconds=3)
LONGEST_LOOK = timedelta(minutes=5)
"""One that was sent is looked at again when twice as much time has passed, and at least so often."""

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
MAX_ATTEMPTS = 24
"""With the pauses above: a destination that can't be reached is given up after most of a day."""

LATE = timedelta(minutes=15)
"""A report that goes out later than this says so."""

SO_FAR = " so far"
"""Ends the name of a period that was not over when its report was asked for."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A digest that goes to several destinations."""

    digest: Digest
    files: tuple[StoredFile, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a report that was to be sent by hand: `sent` (it is in the inbox), `already`, or
    `waiting` because of `why`: a running service tries again."""

    destination: str
    outcome: Literal["sent", "already", "waiting"]
    message_key: str | None
    """The message of which is yet to be seen what becomes of it; None where there is none, or people saw
    it: then the inbox may have forgotten it."""
    why: str = ""


class ReportSender:
    """Sends what is due. It holds nothing but the digest it made last."""

    def __init__(
        self,
        *,
        database: Database,
        maker: DigestMaker,
        targets: Targets,
        operators: OperatorsChannel,
        schedules: Iterable[ReportSchedule],
        draw: Draw,
    ) -> None:
        self._database = database
        self._maker = maker
        self._targets = targets
        self._operators = operators
        self._draw = draw
        self._schedules: Mapping[str, ReportSchedule] = {
            each.report.name: each for each in schedules
        }
        self._made: tuple[tuple[str, str, datetime | None], _Made] | None = None

    async def send_waiting(self) -> None:
        """Bring every report whose time has come a step further. Raises `StorageError`."""
        while True:
            now = self._database.now()
            sending = await self._database.write(reports.take, now=now, until=now + HELD)
            if sending is None:
                self._made = None
                return
            await self.go_on(sending)

    async def send_now(
        self, name: str, period: Period, destination: str, *, by: str, again: bool
    ) -> Sent:
        """Send a report by hand, whatever its times are; twice for the same period and destination only
        with `again`. A period that is not over has a name of its own, so that the schedule still sends the
        whole of it. Raises `StorageError`."""
        now, write = self._database.now(), self._database.write
        called = period.name if period.is_over(now) else f"{period.name}{SO_FAR}"
        row = (name, called, destination)
        made = await write(reports.plan, [row], due_at=now, now=now, asked_by=by)
        before = await self._database.read(reports.find, *row)
        assert before is not None, "it was planned"
        if not made and before.status in (ReportStatus.SENT, ReportStatus.SHOWN) and not again:
            seen = before.status is ReportStatus.SHOWN
            return Sent(destination, "already", None if seen else before.message_key)
        if not made and before.status is not ReportStatus.DUE:
            await write(reports.plan_again, *row, by=by, now=now)
        sending = await write(reports.take_one, *row, now=now, until=now + HELD)
        if sending is not None:
            await self.go_on(sending)
        after = await self._database.read(reports.find, *row)
        assert after is not None, "nobody deletes reports"
        if after.status is ReportStatus.DUE:
            return Sent(destination, "waiting", None, after.detail or "")
        return Sent(destination, "sent", after.message_key)

    async def go_on(self, sending: Sending) -> None:
        """Bring one report a step further: into the inbox, or to the knowledge that it was shown. One
        that fails leaves the others alone. Raises `StorageError`."""
        try:
            if sending.status is ReportStatus.DUE:
                await self._send(sending)
            elif sending.status is ReportStatus.SENT:
                await self._see_to(sending)
        except StorageError:
            raise
        except Exception as error:
            log.exception("a defect kept a report from being sent", report=sending.name)
            await self._fail(sending, type(error).__name__)

    async def _send(self, sending: Sending) -> None:
        schedule = self._schedules.get(sending.name)
        if schedule is None:
            await self._fail(sending, "no report of this name is configured any more", final=True)
            return
        try:
            channel = await self._targets.channel(sending.destination)
        except Unreachable as error:
            await self._fail(sending, str(error))
            return
        made = await self._digest(schedule, sending)
        now = self._database.now()
        copy = f" {sending.copies}" if sending.copies else ""
        key = f"report {sending.name} {sending.period} {sending.destination}{copy}"
        message = announcement(
            channel,
            made.digest.text,
            key=key,
            now=now,
            files=made.files,
            card=made.digest.card,
        )
        if await self._database.write(
            reports.send, sending, message, now=now, look_at=now + FIRST_LOOK
        ):
            log.info("report sent", report=sending.name, period=sending.period, to=channel.key)

    async def _digest(self, schedule: ReportSchedule, sending: Sending) -> _Made:
        """The digest, made once for all destinations of a period that are served in one go."""
        now, report = max(self._database.now(), sending.due_at), schedule.report
        by_schedule = sending.asked_by is None
        late_since = sending.due_at if by_schedule and now - sending.due_at > LATE else None
        wanted = (sending.name, sending.period, late_since)
        if self._made is not None and self._made[0] == wanted:
            return self._made[1]
        period = period_of(schedule, sending.period)
        digest = await self._maker.digest(report, period, now=now, late_since=late_since)
        png = await self._draw(digest.drawing)
        name = f"{report.name}-{period.name}.png"
        made = _Made(digest, await self._kept(png, name, digest.alt) if png else ())
        self._made = (wanted, made)
        return made

    async def _kept(self, png: bytes, name: str, alt: str) -> tuple[StoredFile, ...]:
        now = self._database.now()
        sha256 = await self._database.write(history.keep_attachment, png, "image/png", now=now)
        return (StoredFile(name, "image/png", sha256, alt),)

    async def _see_to(self, sending: Sending) -> None:
        """Was it shown? If the platform could not be reached for long, show it again."""
        turn = await self._database.read(turns.of_message, sending.message_key or "")
        if turn is None or not turn.is_over:
            now = self._database.now()
            age = now - (sending.sent_at or now)
            at = now + max(FIRST_LOOK, min(age, LONGEST_LOOK))
            await self._database.write(reports.look_again, sending, at=at)
        elif turn.status is TurnStatus.DELIVERED:
            await self._database.write(reports.shown, sending)
        else:
            await self._show_again(sending, turn)

    async def _show_again(self, sending: Sending, turn: Turn) -> None:
        now = self._database.now()
        again = turn.detail == "undeliverable" and sending.attempts + 1 < MAX_ATTEMPTS
        if again:
            await self._database.write(turns.deliver_again, turn.id, now=now)
        await self._fail(sending, turn.detail or "it could not be shown", final=not again)

    async def _fail(self, sending: Sending, why: str, *, final: bool = False) -> None:
        now = self._database.now()
        final = final or sending.attempts + 1 >= MAX_ATTEMPTS
        wait = min(FIRST_RETRY * 2**sending.attempts, LONGEST_RETRY)
        again_at = None if final else now + wait
        await self._database.write(reports.failed, sending, why=why, again_at=again_at)
        where = {"report": sending.name, "period": sending.period, "to": sending.destination}
        log.warning("report not sent", why=why, given_up=final, **where)
        if final:
            await self._operators.tell(
                f"The report {sending.name} of {sending.period} did not reach "
                f"{sending.destination}, and I have given it up: {why}.",
                key=f"report {sending.name} {sending.period} {sending.destination}",
                until=now + timedelta(days=30),
            )


def period_of(schedule: ReportSchedule, name: str) -> Period:
    """The period that a row names. Raises `ValueError`."""
    return named(name.removesuffix(SO_FAR), schedule.report.period, schedule.zone)
