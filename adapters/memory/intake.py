"""The other side of an adapter, in memory."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.ports import CommandOffer, IntakeUnavailable, KnownThread
from bot.vocabulary import Channel, Event, Message, MessageReceived, Person, Thread


class MemoryIntake:
    """Takes events in, drops duplicates, and forgets them with the process."""

    def __init__(self, *, offers: Sequence[CommandOffer] = ()) -> None:
        self.offers = offers
        self.replies: dict[str, Thread] = {}
        """In which thread a message of the bot's is part of a reply, by the message's id."""
        self.events: list[Event] = []
        """What arrived, without duplicates."""
        self.receipts = 0
        """How often anything was handed in, duplicates too."""
        self.arrived = asyncio.Condition()
        self._unavailable = 0
        self._known: list[KnownThread] = []

    @property
    def messages(self) -> list[Message]:
        """What people said."""
        return [event.message for event in self.events if isinstance(event, MessageReceived)]

    def refuse(self, times: int = 1) -> None:
        """Be unavailable for the next events."""
        self._unavailable += times

    async def receive(self, event: Event) -> None:
        """Keep the event."""
        async with self.arrived:
            self.receipts += 1
            self.arrived.notify_all()
            if self._unavailable:
                self._unavailable -= 1
                raise IntakeUnavailable("told to refuse")
            if event not in self.events:
                self.events.append(event)

    async def receive_all(self, events: Sequence[Event]) -> None:
        """Keep them, one after the other."""
        for event in events:
            await self.receive(event)

    async def known_threads(self, platform: str, *, since: datetime) -> Sequence[KnownThread]:
        """The threads of the messages that arrived."""
        newest: dict[str, KnownThread] = {}
        for message in self.messages:
            if message.thread.channel.platform == platform and message.sent_at >= since:
                newest[message.thread.key] = KnownThread(
                    message.thread, message.id, message.sent_at
                )
        return sorted(newest.values(), key=lambda known: known.last_message_at, reverse=True)

    async def thread_of(self, channel: Channel, message_id: str) -> Thread | None:
        """As noted in `replies`."""
        return self.replies.get(message_id)

    def commands(self) -> Sequence[CommandOffer]:
        """The offers it was given."""
        return self.offers

    async def home(self, workspace_key: str, person: Person) -> str:
        """A greeting."""
        return f"Hello, {person.name}."
