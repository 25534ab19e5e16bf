"""What people call channels and people, as their platforms say when a digest is made."""

import asyncio
import re
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from bot.ports import Adapter, PlatformError
from bot.vocabulary import Channel, Message, Person, Thread
from storage.subjects import DIRECT

NAME_S = 5.0
"""A digest waits no longer for one name."""

ALL_NAMES_S = 20.0
NAME_CHARS = 40
_FORMATTING = re.compile(r"[*`~|<>\[\]\\\s]+")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Names:
    """What people call things, by their keys; what is missing is called by its id."""

    channels: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)

    def channel(self, key: str | None) -> str:
        """A channel's name, all direct conversations, or what happened in none."""
        if key == DIRECT:
            return "Direct messages"
        return _plain(self.channels, key) if key else "Elsewhere"

    def person(self, key: str | None) -> str:
        """A person's name."""
        return _plain(self.people, key) if key else "Nobody in particular"


class NameFinder:
    """Finds names by keys. Whatever can't be found is called by its id."""

    def __init__(self, adapters: Mapping[str, Adapter]) -> None:
        self._adapters = adapters

    async def channels(self, keys: Iterable[str]) -> dict[str, str]:
        """What channels are called, by their keys."""
        return await _all({key: self._channel(key) for key in keys})

    async def people(self, keys: Iterable[str], *, now: datetime) -> dict[str, str]:
        """What people are called, by their keys."""
        return await _all({key: self._person(key, now) for key in keys})

    async def _channel(self, key: str) -> str:
        platform, _, channel_id = key.split(":", 2)
        adapter = self._adapters.get(platform)
        if adapter is None:
            return channel_id
        channel = await _in_time(adapter.find_channel(channel_id))
        return f"#{channel.name}" if channel is not None and channel.name else channel_id

    async def _person(self, key: str, now: datetime) -> str:
        platform, workspace, person_id = key.split(":", 2)
        adapter = self._adapters.get(platform)
        if adapter is None:
            return person_id
        thread = Thread(Channel(platform, workspace, person_id), "0")
        asked = Message(thread, "0", Person(person_id, person_id), "", now, addressed=False)
        message = await _in_time(adapter.introduce(asked))
        return message.author.name if message is not None else person_id


async def _all(names: Mapping[str, Awaitable[str]]) -> dict[str, str]:
    tasks = {key: asyncio.ensure_future(name) for key, name in names.items()}
    if tasks:
        await asyncio.wait(tasks.values(), timeout=ALL_NAMES_S)
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    return {
        key: task.result()
        if not task.cancelled() and task.exception() is None
        else key.rpartition(":")[2]
        for key, task in tasks.items()
    }


async def _in_time(work: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(NAME_S):
            return await work
    except (PlatformError, TimeoutError):
        return None


def _plain(names: Mapping[str, str], key: str) -> str:
    """The name without anything that would be taken for formatting."""
    name = names.get(key) or key.rpartition(":")[2]
    return _FORMATTING.sub(" ", name).strip()[:NAME_CHARS] or key.rpartition(":")[2]
