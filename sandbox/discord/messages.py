"""Messages with all they ever were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag
from typing import Any, Final

Part = Mapping[str, Any]
"""An embed or a component, as it was sent."""


class MessageType(IntEnum):
    """https://discord.com/developers/docs/resources/message#message-object-message-types"""

    DEFAULT = 0
    CHANNEL_PINNED_MESSAGE = 6
    USER_JOIN = 7
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER_MESSAGE = 21
    CONTEXT_MENU_COMMAND = 23


WRITTEN: Final = frozenset(
    {
        MessageType.DEFAULT,
        MessageType.REPLY,
        MessageType.CHAT_INPUT_COMMAND,
        MessageType.CONTEXT_MENU_COMMAND,
    }
)
"""The types that somebody wrote; others are Discord's own."""


class MessageFlag(IntFlag):
    """https://discord.com/developers/docs/resources/message#message-object-message-flags"""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


NO_FLAGS: Final = MessageFlag(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message."""

    id: int
    filename: str
    content_type: str
    content: bytes
    path: str
    """Where it is served, below the simulator's address."""
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinged:
    """Whom a version of a message mentions so that they notice.

    A post pings them; an edit only marks the message for them, which counts as well: somebody who
    must not be pinged must not be marked either. `reaches` are the people behind all of it.
    """

    user_ids: frozenset[int] = frozenset()
    role_ids: frozenset[int] = frozenset()
    everyone: bool = False
    """`@everyone` or `@here`."""
    replied_user_id: int | None = None
    reaches: frozenset[int] = frozenset()
    silent: bool = False
    """Sent without a sound, but marked all the same."""

    def __bool__(self) -> bool:
        return bool(
            self.user_ids or self.role_ids or self.everyone or self.replied_user_id is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a message was from `at` on."""

    at: datetime
    content: str = ""
    embeds: tuple[Part, ...] = ()
    components: tuple[Part, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    flags: MessageFlag = NO_FLAGS
    pinged: Pinged = Pinged()


@dataclass(slots=True, kw_only=True)
class Message:
    """A message; the last of its `versions` is what people see."""

    id: int
    channel_id: int
    author_id: int
    type: MessageType
    versions: list[Version]
    nonce: str | int | None = None
    reply_to_id: int | None = None
    reply_to_channel_id: int | None = None
    reactions: dict[str, list[int]] = field(default_factory=dict)
    thread_id: int | None = None
    interaction_id: int | None = None
    interaction_type: int | None = None
    command_name: str = ""
    invoked_by: int | None = None
    seen_by: int | None = None
    """The one person an ephemeral message is shown to."""
    pinned: bool = False
    tts: bool = False
    webhook_id: int | None = None
    deleted_at: datetime | None = None

    @property
    def now(self) -> Version:
        """What it says at present."""
        return self.versions[-1]

    @property
    def content(self) -> str:
        """Its present text."""
        return self.now.content

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """Its present files."""
        return self.now.attachments

    @property
    def sent_at(self) -> datetime:
        """When it was posted."""
        return self.versions[0].at

    @property
    def edited_at(self) -> datetime | None:
        """When it was last changed; None if never."""
        return self.now.at if len(self.versions) > 1 else None

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return self.seen_by is not None

    @property
    def loading(self) -> bool:
        """Whether it is a deferred response: "… is thinking"."""
        return MessageFlag.LOADING in self.now.flags

    @property
    def buttons(self) -> tuple[Part, ...]:
        """Its buttons, in the order they are shown."""
        return tuple(part for part in walk_components(self.now.components) if part.get("type") == 2)


def walk_components(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The components and those inside them, in order."""
    found: list[Part] = []
    for part in parts:
        found.append(part)
        inner = part.get("components")
        children = [*(inner if isinstance(inner, list) else ()), part.get("accessory")]
        found.extend(walk_components([each for each in children if isinstance(each, Mapping)]))
    return tuple(found)
