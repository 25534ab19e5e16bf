"""Where in Slack a thread of the vocabulary is.

A thread of a channel, or one within a direct conversation, goes by the timestamp of its first message.
What is said in a direct conversation itself, and in no thread of it, is one thread, `DIRECT`. A thread
whose id begins with `+` starts with the bot's own message; which one that is, is kept.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.slack.keepsakes import Keepsakes
from bot.ports import AdapterStore
from bot.vocabulary import Channel, ChannelKind, Clock, Newest, Thread

NAME: Final = "slack"
DIRECT: Final = "direct"
BEGINNINGS_AGE: Final = timedelta(days=90)
MAX_KNOWN: Final = 5_000

_TIMESTAMP = re.compile(r"\d{1,10}\.\d{1,6}")


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation of Slack's, and the thread in it; without `thread_ts` the conversation itself."""

    workspace: str
    channel: str
    direct: bool
    thread_ts: str | None

    @property
    def where(self) -> dict[str, str]:
        """As arguments of a call."""
        here = {"channel": self.channel}
        return here if self.thread_ts is None else here | {"thread_ts": self.thread_ts}


def is_timestamp(text: str) -> bool:
    """Whether this is how Slack names messages."""
    return _TIMESTAMP.fullmatch(text) is not None


def channel_of(workspace: str, channel_id: str, *, name: str = "") -> Channel:
    """The channel with this id: those of Slack's direct conversations begin with a D."""
    kind = ChannelKind.DIRECT if channel_id.startswith("D") else ChannelKind.SHARED
    return Channel(NAME, workspace, channel_id, kind, name)


def thread_in(channel: Channel, *, ts: str, thread_ts: str | None) -> Thread:
    """The thread that a message of a person's belongs to, or begins."""
    if thread_ts is not None:
        return Thread(channel, thread_ts)
    return Thread(channel, DIRECT if channel.kind is ChannelKind.DIRECT else ts)


class Places:
    """Finds the place of a thread."""

    def __init__(self, *, store: AdapterStore, clock: Clock) -> None:
        self.beginnings = Keepsakes("begun", store=store, clock=clock, age=BEGINNINGS_AGE)
        self._begun = Newest[str, str](MAX_KNOWN)

    async def of(self, thread: Thread) -> Place:
        """The thread's place. Raises `PlatformUnavailable` if it began with the bot's own message, and
        what is kept of that can't be read."""
        if thread.is_new:
            return self._place(thread, await self._beginning(thread))
        return self._place(thread, thread.id if is_timestamp(thread.id) else None)

    async def began(self, thread: Thread, ts: str) -> None:
        """The bot's own first message stands there now. Raises `PlatformUnavailable`."""
        self._begun[thread.key] = ts
        await self.beginnings.keep(thread.key, {"ts": ts})

    async def _beginning(self, thread: Thread) -> str | None:
        if thread.key not in self._begun:
            kept = await self.beginnings.recall(thread.key)
            if kept is None:
                return None
            self._begun[thread.key] = str(kept["ts"])
        return self._begun[thread.key]

    @staticmethod
    def _place(thread: Thread, thread_ts: str | None) -> Place:
        channel = thread.channel
        return Place(
            workspace=channel.workspace,
            channel=channel.id,
            direct=channel.kind is ChannelKind.DIRECT,
            thread_ts=thread_ts,
        )
