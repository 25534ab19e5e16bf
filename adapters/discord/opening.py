"""Opening a thread of Discord's on a message, when the first thing is to be said in it."""

import asyncio
from typing import Any, Final

import structlog

from adapters.discord.errors import THREAD_EXISTS, UNKNOWN_CHANNEL, Forbidden, Refused
from adapters.discord.identity import Spot, spot_of
from adapters.discord.mentions import Names, readable
from adapters.discord.rest import Rest
from bot.ports import MessageGone
from bot.vocabulary import Newest, Thread

log = structlog.get_logger(__name__)

MAX_NAME: Final = 100
"""https://discord.com/developers/docs/resources/channel#start-thread-from-message"""
ARCHIVED_AFTER_MIN: Final = 1_440
MAX_KNOWN: Final = 10_000
NAMELESS: Final = "Question"


class ThreadOpener:
    """Knows which threads are open, and opens those that are not.

    Where a thread can't be opened, its conversation stays in the channel, as replies.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._open = Newest[str, bool](MAX_KNOWN)
        """Whether a thread is open (or, false, is to be replies in its channel), by its id."""
        self._names = Newest[str, str](MAX_KNOWN)
        """What threads that have still to be opened are about."""
        self._opening: dict[str, asyncio.Task[bool]] = {}

    def will_be_about(self, message_id: str, question: str) -> None:
        """A thread will be opened on this message."""
        if message_id not in self._open:
            self._names[message_id] = question

    def is_open(self, thread_id: str) -> None:
        """Something was heard in a thread: it is there."""
        self._know(thread_id, is_open=True)

    async def spot(self, thread: Thread) -> Spot:
        """Where to speak; a thread that is not there is opened first. Raises `PlatformError`."""
        spot = spot_of(thread)
        if not spot.to_be_opened:
            return spot
        is_open = self._open.get(spot.channel_id)
        if is_open is None:
            is_open = await self._opened_once(thread.channel.id, spot.channel_id)
        return spot if is_open else Spot(thread.channel.id, root_id=spot.root_id, replies=True)

    async def _opened_once(self, channel_id: str, thread_id: str) -> bool:
        """The sign of being at work and the first text may both find that it is not there."""
        opening = self._opening.get(thread_id)
        if opening is None:
            opening = asyncio.create_task(self._opened(channel_id, thread_id))
            self._opening[thread_id] = opening
            opening.add_done_callback(lambda _: self._opening.pop(thread_id, None))
        return await asyncio.shield(opening)

    async def _opened(self, channel_id: str, thread_id: str) -> bool:
        about = self._names.get(thread_id)
        if about is None and await self._there(thread_id):
            return self._know(thread_id, is_open=True)
        try:
            name = name_from(
                await self._question(channel_id, thread_id) if about is None else about
            )
            await self._rest.ask(
                "POST",
                "/channels/{channel_id}/messages/{message_id}/threads",
                body={"name": name, "auto_archive_duration": ARCHIVED_AFTER_MIN},
                channel_id=channel_id,
                message_id=thread_id,
            )
        except (Forbidden, MessageGone, Refused) as error:
            if isinstance(error, Refused) and error.code == THREAD_EXISTS:
                return self._know(thread_id, is_open=True)
            log.warning("no thread can be opened, so replies go to the channel", error=str(error))
            return self._know(thread_id, is_open=False)
        return self._know(thread_id, is_open=True)

    async def _there(self, thread_id: str) -> bool:
        try:
            await self._rest.get("/channels/{channel_id}", channel_id=thread_id)
        except Forbidden as error:
            if error.code != UNKNOWN_CHANNEL:
                raise
            return False
        return True

    async def _question(self, channel_id: str, message_id: str) -> str:
        message: dict[str, Any] = await self._rest.get(
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=channel_id,
            message_id=message_id,
        )
        return readable(str(message.get("content") or ""), Names({}))

    def _know(self, thread_id: str, *, is_open: bool) -> bool:
        self._names.pop(thread_id, None)
        self._open[thread_id] = is_open
        self._open.move_to_end(thread_id)
        return is_open


def name_from(question: str) -> str:
    """A thread's name: the first line of what was asked, as far as a name may be long."""
    line = next((line.strip() for line in question.splitlines() if line.strip()), NAMELESS)
    return line if len(line) <= MAX_NAME else f"{line[: MAX_NAME - 1].rstrip()}…"
