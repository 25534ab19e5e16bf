"""Messages with everything that ever stood in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFile:
    """A file as a message shows it; its content is fetched by address."""

    id: str
    team_id: str
    user_id: str
    name: str
    title: str
    media_type: str
    size_bytes: int
    created_at: datetime
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says. `links_names` means that a literal `@here` in the text counts."""

    text: str = ""
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    files: tuple[SharedFile, ...] = ()
    metadata: Json | None = None
    markdown: str = ""
    """What a stream has written so far; shown before the blocks."""
    links_names: bool = False


class Change(StrEnum):
    """How a version came to be."""

    POSTED = "posted"
    EDITED = "edited"
    APPENDED = "appended"
    STOPPED = "stopped"
    UNFURLED = "unfurled"


@dataclass(frozen=True, slots=True)
class Version:
    """What stood there from `at` until the next version."""

    at: datetime
    change: Change
    content: Content


class StreamState(StrEnum):
    """How far a streamed message has come."""

    STREAMING = "streaming"
    STOPPED = "stopped"
    STOPPED_BY_USER = "stopped_by_user"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji and who put it there."""

    name: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message with its whole history. `ephemeral_for` is the only person who sees it, if any."""

    team_id: str
    channel_id: str
    ts: str
    user_id: str
    versions: tuple[Version, ...]
    thread_ts: str | None = None
    bot_id: str | None = None
    subtype: str | None = None
    client_msg_id: str | None = None
    broadcast: bool = False
    username: str | None = None
    deleted_at: datetime | None = None
    ephemeral_for: str | None = None
    stream: StreamState | None = None
    stream_started_s: float = 0.0
    edited_ts: str | None = None
    edited_by: str | None = None
    reactions: tuple[Reaction, ...] = ()

    @property
    def key(self) -> str:
        """Channel and timestamp: what control verbs take for a message."""
        return f"{self.channel_id}/{self.ts}"

    @property
    def content(self) -> Content:
        """What it says now."""
        return self.versions[-1].content

    @property
    def text(self) -> str:
        """Its `text` field now; what a person sees is another matter."""
        return self.content.text

    @property
    def root_ts(self) -> str:
        """The thread it belongs to, or would begin."""
        return self.thread_ts or self.ts

    @property
    def in_channel(self) -> bool:
        """It stands in the channel, not only in a thread."""
        return self.thread_ts in (None, self.ts) or self.broadcast

    def with_version(self, at: datetime, change: Change, content: Content) -> "Message":
        """The message with one more version."""
        return replace(self, versions=(*self.versions, Version(at, change, content)))


@dataclass(slots=True)
class Messages:
    """All messages, by channel and timestamp; the order is that of their timestamps."""

    _kept: dict[str, dict[str, Message]] = field(default_factory=dict)
    _threads: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    """The timestamps in each thread, so that a long channel is not searched for one."""

    def keep(self, message: Message) -> None:
        """Add it, or replace the one with its timestamp."""
        self._kept.setdefault(message.channel_id, {})[message.ts] = message
        self._threads.setdefault((message.channel_id, message.root_ts), {})[message.ts] = None

    def get(self, channel_id: str, ts: str) -> Message | None:
        """The message, deleted or not."""
        return self._kept.get(channel_id, {}).get(ts)

    def of_channel(self, channel_id: str) -> tuple[Message, ...]:
        """Everything ever said there, oldest first."""
        return tuple(self._kept.get(channel_id, {}).values())

    def of_thread(self, channel_id: str, root_ts: str) -> tuple[Message, ...]:
        """The first message of a thread and its replies, oldest first."""
        kept = self._kept.get(channel_id, {})
        return tuple(kept[ts] for ts in self._threads.get((channel_id, root_ts), ()))

    def everything(self) -> tuple[Message, ...]:
        """Everything ever said, channel by channel."""
        return tuple(message for kept in self._kept.values() for message in kept.values())

    def clear(self) -> None:
        """Forget it all."""
        self._kept.clear()
        self._threads.clear()
