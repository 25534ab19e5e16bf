"""What people and the bot say, and where: channels, threads, messages and the events about them.

Platform payloads are parsed into these types once, at the edge; nothing platform-shaped goes inward.
Everything here is immutable and can be written to JSON and read back (`event_to_json`).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from bot.vocabulary.card import Card
from bot.vocabulary.text import storable

_BEGUN: Final = "+"
"""Begins the id of a thread that the bot begins; no platform's ids do."""


class ChannelKind(StrEnum):
    """Whether a channel is a place many people read or a direct conversation."""

    SHARED = "shared"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where threads live, and what rate limits and budgets are counted by.

    `workspace` is the Slack team or Discord guild; DMs outside one have a workspace of their own.
    Identifiers are the platform's and never contain `:`.
    """

    platform: str
    workspace: str
    id: str
    kind: ChannelKind = ChannelKind.SHARED
    name: str = field(default="", compare=False)
    """What people call it, without a mark in front, where the adapter happens to know."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", storable(self.name))

    @property
    def key(self) -> str:
        """`platform:workspace:channel`, unique among all channels."""
        return f"{self.platform}:{self.workspace}:{self.id}"

    @property
    def workspace_key(self) -> str:
        """`platform:workspace`, unique among all workspaces."""
        return f"{self.platform}:{self.workspace}"


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation: a Slack thread or DM, a Discord thread, reply chain or DM."""

    channel: Channel
    id: str

    @property
    def key(self) -> str:
        """`platform:workspace:channel:thread`, unique among all threads."""
        return f"{self.channel.key}:{self.id}"

    @property
    def is_new(self) -> bool:
        """It begins with the bot's own first message, which stands on its own in the channel."""
        return self.id.startswith(_BEGUN)

    @classmethod
    def begun(cls, channel: Channel, occasion: str) -> "Thread":
        """A new one for this occasion, which no other has; the same again for the same occasion."""
        return cls(channel, f"{_BEGUN}{hashlib.sha256(occasion.encode()).hexdigest()[:24]}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who says something. `id` is the platform's; `name` is what others see.

    `admin` is true for those whom the platform lets manage the workspace.
    """

    id: str
    name: str
    admin: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", storable(self.name))

    def key_in(self, workspace_key: str) -> str:
        """`platform:workspace:person`: what they are counted under in that workspace."""
        return f"{workspace_key}:{self.id}"


PARLEY: Final = Person("parley", "Parley")
"""The author of what the bot says of its own accord."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or image that came with a message; `source` means something to its adapter alone."""

    name: str
    media_type: str
    size_bytes: int
    source: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the bot sends; its bytes are kept under their hash. `alt` describes a picture."""

    name: str
    media_type: str
    sha256: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Something a person said.

    `addressed` is true when the bot is meant beyond doubt: a mention, a DM, a reply to the bot. An
    `announcement` is said by the bot itself, of its own accord, with `files`.
    """

    thread: Thread
    id: str
    author: Person
    text: str
    sent_at: datetime
    addressed: bool
    attachments: tuple[Attachment, ...] = ()
    announcement: bool = False
    files: tuple[StoredFile, ...] = ()
    card: Card | None = None
    """An announcement's own layout, for platforms that can show one; `text` says the same."""
    about: Thread | None = None
    """The conversation in which a command was called, where it is answered beside it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", storable(self.text))

    @property
    def key(self) -> str:
        """`platform:workspace:channel:message`: what duplicates are recognised by."""
        return message_key(self.thread.channel, self.id)

    @property
    def conversation(self) -> Thread:
        """What it is part of, or about."""
        return self.about or self.thread


def message_key(channel: Channel, message_id: str) -> str:
    """The key of a message of which only the channel and the id are known."""
    return f"{channel.key}:{message_id}"


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A person said something."""

    message: Message
    kind: Literal["received"] = "received"


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """A person changed what they had said."""

    channel: Channel
    message_id: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    kind: Literal["edited"] = "edited"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", storable(self.text))


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    """A person took back what they had said."""

    channel: Channel
    message_id: str
    kind: Literal["deleted"] = "deleted"


@dataclass(frozen=True, slots=True)
class StopRequested:
    """A person asked that the answer now being written in `thread` end where it is."""

    thread: Thread
    by: Person
    kind: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True)
class ChoiceMade:
    """A person pressed a button: `option` of the choice `choice_id`, which was shown in `thread`."""

    thread: Thread
    choice_id: str
    option: str
    by: Person
    kind: Literal["choice"] = "choice"


@dataclass(frozen=True, slots=True)
class Rated:
    """A person said by a button whether the answer of a turn was any good."""

    thread: Thread
    turn_id: str
    good: bool
    by: Person
    kind: Literal["rated"] = "rated"


Event = MessageReceived | MessageEdited | MessageDeleted | StopRequested | ChoiceMade | Rated

_thread = TypeAdapter(Thread)
_message = TypeAdapter(Message)
_event: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def thread_to_json(thread: Thread) -> str:
    """The thread as one JSON object, for storing."""
    return _thread.dump_json(thread).decode()


def thread_from_json(text: str) -> Thread:
    """The inverse of `thread_to_json`. Raises `pydantic.ValidationError` on anything else."""
    return _thread.validate_json(text)


def message_to_json(message: Message) -> str:
    """The message as one JSON object, for storing."""
    return _message.dump_json(message).decode()


def message_from_json(text: str) -> Message:
    """The inverse of `message_to_json`. Raises `pydantic.ValidationError` on anything else."""
    return _message.validate_json(text)


def event_to_json(event: Event) -> str:
    """The event as one JSON object, for storing or sending."""
    return _event.dump_json(event).decode()


def event_from_json(text: str) -> Event:
    """The inverse of `event_to_json`. Raises `pydantic.ValidationError` on anything else."""
    return _event.validate_json(text)
