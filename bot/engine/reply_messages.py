"""The platform messages that make up one reply: posted once, changed in place, kept in order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bot.engine.pace import Pace
from bot.ports import Adapter, MessageGone, Part, PlatformError, PlatformUnavailable
from bot.vocabulary import Clock, Thread

SaveMessageIds = Callable[[list[str]], Awaitable[None]]
"""Makes the ids of the reply's messages durable, in order; called before anything else is shown."""

VERB_TIMEOUT_S: Final = 10.0
"""A platform that has not answered a request after this long is taken as unavailable."""

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class ReplyMessage:
    """One platform message of the reply, as far as it is known."""

    mark: str
    pace: Pace
    id: str | None = None
    shown: Part | None = None
    doubtful: bool = False
    """It may be there without our knowing its id: ask before posting."""

    def shows(self, part: Part) -> bool:
        """The platform shows exactly this."""
        return self.shown == part


class ReplyMessages:
    """The messages of one reply. Every verb is one attempt and raises what the platform raises.

    `saved_ids` are those an earlier attempt saved. If there was one (`recovering`), it may have
    posted one more than it could save, since it saves each before it posts the next.
    """

    def __init__(
        self,
        *,
        adapter: Adapter,
        thread: Thread,
        turn_id: str,
        clock: Clock,
        save: SaveMessageIds,
        saved_ids: Sequence[str],
        recovering: bool,
        verb_timeout_s: float,
    ) -> None:
        self._adapter = adapter
        self._thread = thread
        self._turn_id = turn_id
        self._clock = clock
        self._save = save
        self._recovering = recovering
        self._verb_timeout_s = verb_timeout_s
        self._messages: list[ReplyMessage] = []
        for index, saved_id in enumerate(saved_ids):
            self[index].id = saved_id
        if recovering:
            self[len(saved_ids)].doubtful = True

    @property
    def recovering(self) -> bool:
        """There was an earlier attempt at this reply."""
        return self._recovering

    @property
    def ids(self) -> list[str]:
        """The ids of the messages that are there, in order."""
        return [message.id for message in self._messages if message.id is not None]

    def __len__(self) -> int:
        return len(self._messages)

    def __getitem__(self, index: int) -> ReplyMessage:
        """The message at `index`, which may be the one after the last: the next to be posted."""
        if index == len(self._messages):
            message = ReplyMessage(mark=self.mark_of(index), pace=Pace(self._clock))
            self._messages.append(message)
        return self._messages[index]

    def mark_of(self, index: int) -> str:
        """The mark of the message at `index`, whether it is there yet or not."""
        return f"{self._turn_id}.{index}"

    async def bring(self, index: int, part: Part) -> None:
        """Make the platform show this as the message at `index`, by as few requests as it takes."""
        message = self[index]
        await self._resolve(message)
        if message.id is not None and not message.shows(part):
            await self._edit(message, message.id, part)
        if message.id is None:
            await self._post(message, part)

    async def drop_last(self) -> None:
        """Delete the last message, if it is there."""
        message = self._messages[-1]
        await self._resolve(message)
        if message.id is not None:
            await self.ask(self._adapter.delete(self._thread, message.id))
        self._messages.pop()
        if message.id is not None:
            await self._save(self.ids)

    async def ask(self, verb: Awaitable[_T], *, timeout_s: float | None = None) -> _T:
        """A request to the platform with a limit in real time: it guards against a hung connection
        and schedules nothing. Raises `PlatformUnavailable` when the time is over."""
        limit_s = self._verb_timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await verb
        except TimeoutError as error:
            problem = f"{self._adapter.name} did not answer within {limit_s} s"
            raise PlatformUnavailable(problem) from error

    async def _resolve(self, message: ReplyMessage) -> None:
        """Where a message may be there without our knowing, find out."""
        if message.id is not None or not message.doubtful:
            return
        message.id = await self.ask(self._adapter.find(self._thread, message.mark))
        message.doubtful = False
        if message.id is not None:
            await self._save(self.ids)

    async def _edit(self, message: ReplyMessage, message_id: str, part: Part) -> None:
        try:
            shown = await self.ask(self._adapter.edit(self._thread, message_id, part))
        except MessageGone:
            await self._forget(message)
        else:
            message.shown = part
            message.pace.changed(shown.next_change_in_s)

    async def _forget(self, message: ReplyMessage) -> None:
        """Somebody deleted it. What stands below it will be posted anew too, to keep the order."""
        while self._messages[-1] is not message:
            await self.drop_last()
        message.id, message.shown = None, None
        message.doubtful = self._recovering  # an earlier attempt may have replaced it already
        await self._resolve(message)

    async def _post(self, message: ReplyMessage, part: Part) -> None:
        message.doubtful = True  # until the platform has answered
        try:
            shown = await self.ask(self._adapter.post(self._thread, part))
        except PlatformUnavailable:
            raise
        except PlatformError:
            message.doubtful = False
            raise
        message.doubtful = False
        message.id, message.shown = shown.message_id, part
        message.pace.changed(shown.next_change_in_s)
        await self._save(self.ids)
