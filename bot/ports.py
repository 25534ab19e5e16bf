"""The two ports between the engine and a platform.

An adapter *receives* through `Intake` and is *spoken through* as `Adapter`. The engine always hands an
adapter the whole present text of a message; whether that becomes an edit, an append or a native
stream is the adapter's own affair.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from bot.vocabulary import Attachment, Clock, Event, Message, Person, Thread, Usage


class PlatformError(Exception):
    """A platform did not do what it was asked."""


class PlatformBusy(PlatformError):
    """The platform asks to wait; nothing was shown."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PlatformUnavailable(PlatformError):
    """The platform can't be reached or failed; whether it acted is not known. Trying again is right."""


class MessageGone(PlatformError):
    """The message to be changed no longer exists; a new one may be posted."""


class ThreadGone(PlatformError):
    """Nothing can be said here any more: deleted, archived, removed, blocked, forbidden. Final."""


MAX_MARK_CHARS = 25
"""Discord's limit of a nonce (https://discord.com/developers/docs/resources/message#create-message)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can show. `measure` counts a text as the platform counts it."""

    max_chars: int
    measure: Callable[[str], int] = len
    status: bool = False
    """It has a typing or thinking sign; where it has none, a placeholder message is posted."""
    private_notices: bool = False
    """`notice` can be shown to one person alone."""
    redelivers: bool = False
    """An event that was not acknowledged comes again; where not, it waits in a bounded buffer."""


@dataclass(frozen=True, slots=True)
class Option:
    """A button. `label` is what it says."""

    id: str
    label: str
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Buttons under a message, of which one is to be pressed: a `ChoiceMade` with this `id`.

    The message ends with the `question`. The last option is the one that does nothing.
    """

    id: str
    question: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One platform message of a reply: Markdown that fits into `Capabilities.max_chars`.

    `mark` is its idempotency mark, at most `MAX_MARK_CHARS` long, the same at every attempt. Buttons
    are shown as long as the message has a `choice`.
    """

    mark: str
    markdown: str
    final: bool
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file to be sent, with its idempotency mark."""

    mark: str
    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """What the platform now shows: the message's id, and how long to wait before its next change."""

    message_id: str
    next_change_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownThread:
    """A thread the bot has spoken in, and when it last heard something there."""

    thread: Thread
    last_message_id: str
    last_message_at: datetime


class IntakeUnavailable(Exception):
    """The event could not be made durable; the platform must not be told that it arrived."""


class Intake(Protocol):
    """Where an adapter hands in what happened."""

    async def receive(self, event: Event) -> None:
        """Make the event durable, then return. Duplicates are welcome and change nothing.

        Raises:
            IntakeUnavailable: it is not durable; do not acknowledge it, hand it in again later.
        """

    async def known_threads(self, platform: str, *, since: datetime) -> Sequence[KnownThread]:
        """The threads active since then, newest first: where to look for what was missed."""


class Adapter(Protocol):
    """A platform. Every verb raises `PlatformError` alone, and is given its deadline by the caller."""

    @property
    def name(self) -> str:
        """The platform's name as it stands in keys and settings, such as `slack`."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can show."""

    @property
    def ready(self) -> bool:
        """It is connected and events arrive."""

    async def run(self, intake: Intake) -> None:
        """Connect, fetch what was missed, hand in every event; stay until cancelled.

        Raises:
            PlatformError: it can never work as configured (a bad token); the message says the remedy.
        """

    async def show_status(self, thread: Thread, text: str | None) -> None:
        """Show that the bot is busy with `text`, such as "is thinking…"; None takes the sign away."""

    async def post(self, thread: Thread, part: Part) -> Shown:
        """Say something new; a second post with the same mark must not show it twice where the
        platform can prevent that."""

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """Bring a message of ours to this text. Raises `MessageGone` if it was deleted."""

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """Send a file as a message of its own; the message's id. It is found by its mark again."""

    async def delete(self, thread: Thread, message_id: str) -> None:
        """Take a message of ours away; fine if it is gone already."""

    async def find(self, thread: Thread, mark: str) -> str | None:
        """The id of our message with this mark, if it is there: asked after a crash or a lost
        answer, before anything is posted again."""

    async def notice(self, thread: Thread, person: Person, text: str, mark: str) -> None:
        """Tell one plain sentence that is not a reply; privately where `private_notices`."""

    async def said_before(self, message: Message) -> Sequence[Message]:
        """What people said in the thread before `message`, oldest first, when the bot first comes to
        it; empty where there is nothing or it may not be read."""

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """The content of an attachment. Raises `PlatformError` if it is larger or can't be had."""

    async def aclose(self) -> None:
        """Let go of what the verbs use; nothing is asked of it afterwards."""


@dataclass(frozen=True, slots=True)
class AdapterSetup:
    """What an adapter is made from, in plain values: adapters don't know the settings.

    `secrets` and `addresses` go by the names of their environment variables, `settings` is the
    platform's own section, `data_dir` is where it may keep files.
    """

    clock: Clock
    secrets: Mapping[str, str]
    addresses: Mapping[str, str]
    settings: Mapping[str, object]
    data_dir: Path


class AdapterClass(Protocol):
    """What an entry point of the group `parley.adapters` names."""

    def from_setup(self, setup: AdapterSetup) -> Adapter:
        """Make the adapter; connects nothing. Raises `PlatformError` if it can't be made so."""


@dataclass(frozen=True, slots=True)
class TurnReport:
    """What a turn used, for whoever looks over the bot's shoulder."""

    outcome: str
    model: str | None
    usage: Usage
    cost_nanousd: int | None


@runtime_checkable
class ShowsReports(Protocol):
    """An adapter that shows what a turn used beside its reply, as a terminal does."""

    async def report(self, thread: Thread, report: TurnReport) -> None:
        """Show it; called once the reply is final."""
