"""The server's side of the platform in memory: what is shown, what people did, the faults to come."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from bot.ports import Choice, Controls, OutgoingFile, Part, ThreadGone
from bot.vocabulary import (
    Attachment,
    Card,
    Channel,
    ChannelKind,
    ChoiceMade,
    Clock,
    Event,
    Message,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    Rated,
    StopRequested,
    SystemClock,
    Thread,
)

Verb = Literal[
    "show_status",
    "post",
    "edit",
    "send_file",
    "delete",
    "find",
    "notice",
    "introduce",
    "find_channel",
    "said_before",
    "fetch",
]


@dataclass(slots=True)
class Posted:
    """A message of the bot: every text it ever showed, the newest last."""

    id: str
    thread: Thread
    mark: str
    versions: list[str]
    final: bool
    deleted: bool = False
    notice_for: Person | None = None
    choice: Choice | None = None
    """The buttons that it shows."""
    controls: Controls = Controls.NONE
    """Its standing buttons."""
    card: Card | None = None
    picture: OutgoingFile | None = None
    file: OutgoingFile | None = None

    @property
    def text(self) -> str:
        """What it shows."""
        return self.versions[-1]


@dataclass(slots=True)
class Fault:
    """Something that goes wrong once: held until released, then perhaps done, then perhaps failed."""

    error: Exception | None
    acted: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the request has come."""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the held request go on."""
        self.released.set()


class MemoryPlatform:
    """The server's side: what is shown, what people did, and the faults to come.

    `idempotent` says whether a second post with the same mark changes the first, as on Discord, or
    stands beside it, as on Slack.
    """

    def __init__(
        self, *, name: str = "memory", clock: Clock | None = None, idempotent: bool = True
    ) -> None:
        self.name = name
        self._idempotent = idempotent
        self.clock: Clock = clock or SystemClock()
        self.posted: dict[str, Posted] = {}
        """Every message of the bot by its id, deleted ones too."""
        self.people: dict[str, Person] = {}
        """Those of whom the platform knows more than their messages say, by their ids."""
        self.status: dict[str, str] = {}
        """The sign of being at work by thread key, where it is shown."""
        self.requests: list[Verb] = []
        """Every request that arrived, in order."""
        self.events: list[Event] = []
        """What people did, in order."""
        self.acknowledged = 0
        """How many of the events need not be handed in any more."""
        self.refusals = 0
        """How often an event could not be handed in."""
        self.happened = asyncio.Event()
        self._faults: defaultdict[Verb, deque[Fault]] = defaultdict(deque)
        self._closed: set[str] = set()
        self._threads: defaultdict[str, list[Posted]] = defaultdict(list)
        self._marks: dict[tuple[str, str], Posted] = {}
        self._numbers = count(1)

    def thread(self, name: str = "1", *, channel: str = "general", direct: bool = False) -> Thread:
        """A thread to talk in."""
        kind = ChannelKind.DIRECT if direct else ChannelKind.SHARED
        return Thread(Channel(self.name, "home", channel, kind), name)

    def visible(self, thread: Thread) -> list[Posted]:
        """The bot's messages that are to be seen in the thread, from top to bottom."""
        return [posted for posted in self._threads[thread.key] if not posted.deleted]

    def said(self, thread: Thread) -> list[Message]:
        """What people said in the thread, as it stands there now."""
        found: dict[str, Message] = {}
        for event in self.events:
            match event:
                case MessageReceived(message=message) if message.thread == thread:
                    found[message.id] = message
                case MessageEdited(message_id=edited) if edited in found:
                    found[edited] = replace(found[edited], text=event.text)
                case MessageDeleted(message_id=deleted):
                    found.pop(deleted, None)
        return list(found.values())

    def say(
        self,
        text: str,
        *,
        thread: Thread | None = None,
        author: Person | None = None,
        addressed: bool = True,
        attachments: Iterable[Attachment] = (),
    ) -> Message:
        """Somebody says something."""
        message = Message(
            thread=thread or self.thread(),
            id=self._new_id(),
            author=author or Person("U1", "Ada"),
            text=text,
            sent_at=self.clock.now(),
            addressed=addressed,
            attachments=tuple(attachments),
        )
        self.happen(MessageReceived(message))
        return message

    def change(self, message: Message, text: str) -> None:
        """Somebody edits what they had said."""
        self.happen(MessageEdited(message.thread.channel, message.id, text, message.attachments))

    def take_back(self, message: Message) -> None:
        """Somebody deletes what they had said."""
        self.happen(MessageDeleted(message.thread.channel, message.id))

    def stop(self, thread: Thread, by: Person) -> None:
        """Somebody asks that the running answer end."""
        self.happen(StopRequested(thread, by))

    def press(self, posted: Posted, option: str, by: Person) -> None:
        """Somebody presses one of a message's buttons, by its id."""
        assert posted.choice is not None, "the message shows buttons"
        self.happen(ChoiceMade(posted.thread, posted.choice.id, option, by))

    def rate(self, posted: Posted, by: Person, *, good: bool) -> None:
        """Somebody says whether an answer was any good."""
        assert posted.controls is Controls.RATE, "the message can be rated"
        self.happen(Rated(posted.thread, posted.mark.rpartition(".")[0], good, by))

    def remove(self, message_id: str) -> None:
        """Somebody deletes a message of the bot's."""
        self.posted[message_id].deleted = True

    def close(self, thread: Thread) -> None:
        """From now on nothing can be said in the thread."""
        self._closed.add(thread.key)

    def fail(self, verb: Verb, error: Exception, *, times: int = 1, acted: bool = False) -> None:
        """The next requests of this kind fail; with `acted` only their answer is lost."""
        for _ in range(times):
            self.hold(verb, error, acted=acted).release()

    def recover(self) -> None:
        """Nothing more goes wrong."""
        self._faults.clear()

    def hold(self, verb: Verb, error: Exception | None = None, *, acted: bool = False) -> Fault:
        """The next request of this kind hangs until it is released, and then may fail."""
        fault = Fault(error, acted=acted)
        self._faults[verb].append(fault)
        return fault

    async def request(self, verb: Verb, thread: Thread | None) -> Fault | None:
        """A request arrives. Raises what is to go wrong before it is carried out; a fault that is
        returned is to be raised afterwards."""
        self.requests.append(verb)
        fault = self._faults[verb].popleft() if self._faults[verb] else None
        if fault is not None:
            fault.arrived.set()
            await fault.released.wait()
            if fault.error is not None and not fault.acted:
                raise fault.error
        if thread is not None and thread.key in self._closed:
            raise ThreadGone(f"{thread.key} is closed")
        return fault

    def put(
        self,
        thread: Thread,
        part: Part,
        *,
        notice_for: Person | None = None,
        file: OutgoingFile | None = None,
    ) -> Posted:
        """Show a new message, or change the one with the same mark if the platform is idempotent."""
        self.status.pop(thread.key, None)
        known = self.marked(thread, part.mark)
        if known is not None and self._idempotent:
            self.rewrite(known, part)
            return known
        new = Posted(
            id=self._new_id(),
            thread=thread,
            mark=part.mark,
            versions=[part.markdown],
            final=part.final,
            notice_for=notice_for,
            file=file,
        )
        self.rewrite(new, part)
        self.posted[new.id] = self._marks[thread.key, part.mark] = new
        self._threads[thread.key].append(new)
        return new

    def rewrite(self, posted: Posted, part: Part) -> None:
        """Change a message."""
        posted.final, posted.choice, posted.controls = part.final, part.choice, part.controls
        posted.card, posted.picture = part.card, part.picture
        if posted.text != part.markdown:
            posted.versions.append(part.markdown)

    def marked(self, thread: Thread, mark: str) -> Posted | None:
        """The message with this mark, if it was not deleted."""
        posted = self._marks.get((thread.key, mark))
        return None if posted is None or posted.deleted else posted

    def happen(self, event: Event) -> None:
        """Something happens; the adapter will hand it in."""
        self.events.append(event)
        self.happened.set()

    def _new_id(self) -> str:
        return f"m{next(self._numbers)}"
