"""The way in: an event is durable before its platform is told that it arrived."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import structlog

from bot.engine import notices
from bot.engine.home import home_page
from bot.engine.unavailable import told_to_adapters
from bot.engine.wakeup import Wakeup
from bot.money.periods import around
from bot.money.used import UsageReader
from bot.ports import (
    Adapter,
    CommandOffer,
    Intake,
    IntakeUnavailable,
    KnownThread,
    PlatformError,
)
from bot.telemetry.metrics import Metrics
from bot.vocabulary import (
    Channel,
    ChoiceMade,
    Event,
    Message,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    Rated,
    StopRequested,
    Thread,
)
from storage import choices, inbox, ratings, reply_messages, threads, told
from storage.database import Database
from storage.errors import DuplicateMessage, StorageUnavailable
from storage.subjects import Subject

log = structlog.get_logger(__name__)

_UTC = ZoneInfo("UTC")

KNOWN_THREADS = 500
"""At most so many threads are looked through for missed messages after a downtime."""

NOTICE_S = 10.0
SHED_NOTICE_S = 300.0
"""A person is told about overload once in this time."""


class EngineIntake(Intake):
    """Writes events to the inbox and wakes the dispatcher. Shared by all adapters."""

    def __init__(
        self,
        *,
        database: Database,
        wakeup: Wakeup,
        adapters: Mapping[str, Adapter],
        metrics: Metrics,
        max_pending: int,
        offers: Sequence[CommandOffer] = (),
        usage: UsageReader | None = None,
        zone: ZoneInfo = _UTC,
    ) -> None:
        self._database = database
        self._wakeup = wakeup
        self._adapters = adapters
        self._metrics = metrics
        self._max_pending = max_pending
        self._offers = offers
        self._usage = usage
        self._zone = zone
        self._telling: set[asyncio.Task[None]] = set()

    async def receive(self, event: Event) -> None:
        """Make the event durable, then return. Raises `IntakeUnavailable` if it can't be."""
        try:
            await self._receive(event)
        except DuplicateMessage:
            log.debug("duplicate")
        except StorageUnavailable as error:
            raise self._unavailable(error) from error

    async def receive_all(self, events: Sequence[Event]) -> None:
        """As `receive`, for several in their order; messages that stand together in one transaction,
        since each costs the database a disk write and PostgreSQL lets one `NOTIFY` commit at a time."""
        for are_messages, group in groupby(
            events, key=lambda each: isinstance(each, MessageReceived)
        ):
            together = list(group)
            if not (are_messages and await self._stored_together(together)):
                for event in together:
                    await self.receive(event)

    async def _stored_together(self, events: Sequence[Event]) -> bool:
        """False if they have to be stored one by one: one is known already, or there are too many."""
        messages = [event.message for event in events if isinstance(event, MessageReceived)]
        if len(messages) == 1 or self._wakeup.waiting >= self._max_pending:
            return False
        try:
            stored = await self._database.write(inbox.put_all, messages, now=self._database.now())
        except DuplicateMessage:
            return False
        except StorageUnavailable as error:
            raise self._unavailable(error) from error
        if stored:
            self._wakeup.wake()
        return True

    def _unavailable(self, error: StorageUnavailable) -> IntakeUnavailable:
        self._metrics.database_failed("intake")
        log.error("event not stored, so not acknowledged", error=str(error))
        return IntakeUnavailable(str(error))

    async def known_threads(self, platform: str, *, since: datetime) -> Sequence[KnownThread]:
        """The threads active since then, newest first, at most `KNOWN_THREADS`."""
        with told_to_adapters():
            found = await self._database.read(
                threads.recent, platform, since=since, limit=KNOWN_THREADS
            )
        return [KnownThread(*each) for each in found]

    async def thread_of(self, channel: Channel, message_id: str) -> Thread | None:
        """The thread in which a message of the bot's is part of a reply."""
        with told_to_adapters():
            return await self._database.read(reply_messages.thread_of, channel, message_id)

    def commands(self) -> Sequence[CommandOffer]:
        """The commands of all plugins, by name."""
        return self._offers

    async def home(self, workspace_key: str, person: Person) -> str:
        """What the bot can do, and what the person used this month, on the page that they open."""
        month = around(self._database.now().astimezone(self._zone).date(), "month", self._zone)
        used = None
        if self._usage is not None:
            try:
                subject = Subject("person_key", person.key_in(workspace_key))
                used = await self._usage.used(month, subject)
            except StorageUnavailable as error:
                log.warning("the page has to do without usage", error=str(error))
        return home_page(self._offers, month=month, used=used)

    async def _receive(self, event: Event) -> None:
        now = self._database.now()
        match event:
            case MessageReceived(message=message):
                await self._store(message, now)
            case MessageEdited(channel=channel, message_id=message_id):
                revised = await self._database.write(
                    inbox.revise,
                    channel,
                    message_id,
                    text=event.text,
                    attachments=event.attachments,
                    now=now,
                )
                self._changed(revised)
            case MessageDeleted(channel=channel, message_id=message_id):
                self._changed(
                    await self._database.write(inbox.withdraw, channel, message_id, now=now)
                )
            case ChoiceMade(thread=thread):
                await self._choose(event, now)
            case Rated():
                await self._rate(event, now)
            case StopRequested(thread=thread):
                if await self._database.write(threads.request_stop, thread.key, now=now):
                    self._changed(thread.key)

    async def _choose(self, event: ChoiceMade, now: datetime) -> None:
        """Write it down; the turn that waits for it, here or elsewhere, looks for it when poked."""
        if await self._database.write(
            choices.choose,
            event.choice_id,
            event.option,
            thread_key=event.thread.key,
            by=event.by,
            now=now,
        ):
            self._wakeup.poke(event.thread.key)

    async def _rate(self, event: Rated, now: datetime) -> None:
        person_id, good = event.by.id, event.good
        if await self._database.write(
            ratings.rate, event.turn_id, person_id=person_id, good=good, now=now
        ):
            self._metrics.answer_rated(good=good)

    async def _store(self, message: Message, now: datetime) -> None:
        if self._wakeup.waiting >= self._max_pending:
            await self._shed(message, now)
        elif await self._database.write(inbox.put, message, now=now):
            self._wakeup.wake()

    def _changed(self, thread_key: str | None) -> None:
        if thread_key is not None:
            self._wakeup.poke(thread_key)
            self._wakeup.wake()

    async def _shed(self, message: Message, now: datetime) -> None:
        """Too much waits already: say so instead of letting people wait for hours."""
        if not message.addressed or await self._database.read(inbox.is_known, message.key):
            return
        self._metrics.message_shed("overload")
        log.warning("shed", waiting=self._wakeup.waiting, channel=message.thread.channel.key)
        key = f"shed|{message.thread.channel.key}|{message.author.id}"
        until = now + timedelta(seconds=SHED_NOTICE_S)
        if not await self._database.write(told.tell_once, key, now=now, until=until):
            return
        telling = asyncio.create_task(self._tell(message), name="overload notice")
        self._telling.add(telling)  # beside the acknowledgement, which must not wait for it
        telling.add_done_callback(self._telling.discard)

    async def _tell(self, message: Message) -> None:
        adapter = self._adapters[message.thread.channel.platform]
        try:
            async with asyncio.timeout(NOTICE_S):
                await adapter.notice(
                    message.thread, message.author, notices.OVERLOADED, f"shed.{message.id}"[:25]
                )
        except (PlatformError, TimeoutError) as error:
            log.warning("overload could not be told", error=str(error))
