"""The two ports between the engine and a platform.

An adapter *receives* through `Intake` and is *spoken through* as `Adapter`. The engine always hands an
adapter the whole present text of a message; whether that becomes an edit, an append or a native
stream is the adapter's own affair.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from bot.vocabulary import (
    Attachment,
    Card,
    Channel,
    Clock,
    Event,
    Message,
    Person,
    Thread,
    TurnOutcome,
    Usage,
)

if TYPE_CHECKING:
    from aiohttp.web import RouteDef


class PlatformError(Exception):
    """A platform did not do what it was asked."""


class PlatformBusy(PlatformError):
    """The platform asks to wait; nothing was shown. A message's last change may be allowed sooner, after
    `last_change_in_s`, than one in between."""

    def __init__(
        self, message: str, *, retry_after_s: float, last_change_in_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.last_change_in_s = retry_after_s if last_change_in_s is None else last_change_in_s


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
    cards: bool = False
    """A `Part` with a card is laid out natively, its picture in the same message."""
    code_file_over_chars: int | None = None
    """A block of code longer than this is better read as a file; None: never."""


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
class OutgoingFile:
    """A file to be sent, with its idempotency mark. `alt` describes a picture to who can't see it."""

    mark: str
    name: str
    media_type: str
    content: bytes
    alt: str = ""


class Controls(Enum):
    """Standing buttons under a message of a reply, shown by platforms that have buttons."""

    NONE = "none"
    STOP = "stop"
    """The answer is being written: a press is a `StopRequested`."""
    RATE = "rate"
    """The answer is there: a press is `Rated`, good or bad, for the turn of the message's mark."""


@dataclass(frozen=True, slots=True)
class Part:
    """One platform message of a reply: Markdown that fits into `Capabilities.max_chars`.

    `mark` is its idempotency mark, at most `MAX_MARK_CHARS` long, the same at every attempt; what
    stands before its last dot is the turn's id. Buttons are shown as long as the message has a
    `choice`. Only the people in `may_mention`, by their ids, may be mentioned so that they notice.
    A `card`, with its `picture`, is shown in place of the Markdown where `Capabilities.cards`.
    """

    mark: str
    markdown: str
    final: bool
    choice: Choice | None = None
    controls: Controls = Controls.NONE
    may_mention: frozenset[str] = frozenset()
    card: Card | None = None
    picture: OutgoingFile | None = None
    answers: str | None = None
    """The id of the message it answers, for platforms where replies point at something."""


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


@dataclass(frozen=True, slots=True)
class CommandParameter:
    """A parameter of a command. With `takes_rest` it is text up to the end of the line."""

    name: str
    description: str
    kind: Literal["text", "integer", "number", "boolean"]
    required: bool
    takes_rest: bool


@dataclass(frozen=True, slots=True)
class CommandOffer:
    """A command that people can call as `/name …`, for platforms that list commands themselves.

    `private`: its answer concerns one person. `admin`: only those who manage the bot may use it.
    """

    name: str
    summary: str
    usage: str
    parameters: tuple[CommandParameter, ...]
    private: bool
    admin: bool


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
        """The threads active since then, newest first: where to look for what was missed. Raises
        `IntakeUnavailable`."""

    async def thread_of(self, channel: Channel, message_id: str) -> Thread | None:
        """The thread in which a message of the bot's is part of a reply; None if it is not known. Raises
        `IntakeUnavailable`."""

    def commands(self) -> Sequence[CommandOffer]:
        """The commands there are, by name; switches and roles are looked at when one is called."""

    async def home(self, workspace_key: str, person: Person) -> str:
        """Markdown for a person who opens the bot's own page: what it can do, and what they used."""


class AdapterStore(Protocol):
    """What an adapter keeps from one start to the next: JSON values by key, shared by all replicas.

    Every verb raises `IntakeUnavailable` while the database is away.
    """

    async def get(self, key: str) -> Any:
        """The value; None if there is none."""

    async def set(self, key: str, value: Any) -> None:
        """Keep a value; None deletes it."""

    async def items(self, prefix: str = "") -> Mapping[str, Any]:
        """The values whose keys begin with `prefix`."""

    async def hold(self, role: str, *, for_s: float) -> bool:
        """Take a role, or keep it, for some seconds; false while another replica has it."""

    async def release(self, role: str) -> None:
        """Give a role up, if it is ours."""


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

    async def introduce(self, message: Message) -> Message:
        """The message with what the event did not say and people would want to be known: the author's
        name and whether they are an admin, the names of those it mentions. Asked when it is answered,
        so that its arrival need not wait for it."""

    async def find_channel(self, target: str) -> Channel:
        """The channel with this id of the platform's, or the direct conversation with this person: where
        a report is to go, with its name where there is one. Raises `PlatformError` if there is none."""

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
    platform's own section, `data_dir` is where it may keep files. Missed messages are looked for up
    to an age of `catch_up_max_age_s`.
    """

    clock: Clock
    secrets: Mapping[str, str]
    addresses: Mapping[str, str]
    settings: Mapping[str, object]
    data_dir: Path
    store: AdapterStore
    catch_up_max_age_s: float = 86_400.0


class AdapterClass(Protocol):
    """What an entry point of the group `parley.adapters` names."""

    def from_setup(self, setup: AdapterSetup) -> Adapter:
        """Make the adapter; connects nothing. Raises `PlatformError` if it can't be made so."""


@dataclass(frozen=True, slots=True)
class TurnReport:
    """What a turn used, for whoever looks over the bot's shoulder."""

    outcome: TurnOutcome
    model: str | None
    usage: Usage
    cost_nanousd: int | None


@runtime_checkable
class ShowsReports(Protocol):
    """An adapter that shows what a turn used beside its reply, as a terminal does."""

    async def report(self, thread: Thread, report: TurnReport) -> None:
        """Show it; called once the reply is final."""


@runtime_checkable
class ServesHttp(Protocol):
    """An adapter to which its platform comes by HTTP: its routes are served on `PARLEY_HTTP`."""

    def routes(self) -> "Sequence[RouteDef]":
        """The routes, from the server's root; they answer once `run` has been called."""
