"""Finding a message of ours again after a crash, by its mark.

Discord knows a nonce for some minutes and never tells it. So a mark stands in the buttons of a message;
a message without buttons is noted in the store once it is posted; and what was posted in the moment
between is recognised by being a message of ours, since the turn began, in this thread, that nobody
has noted: of those there can be one, as every message of a reply is noted before the next is posted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from discord.utils import time_snowflake

from adapters.discord.controls import said_by
from adapters.discord.identity import Spot
from adapters.discord.parse import reference_of
from adapters.discord.render import SILENT
from adapters.discord.rest import Json, Rest
from bot.ports import AdapterStore, Intake, IntakeUnavailable, MessageGone, PlatformUnavailable
from bot.vocabulary import Clock, Thread, made_at

PAGE: Final = 100
MAX_PAGES: Final = 5
TOLERANCE_S: Final = 10.0
"""Discord's clock and ours may differ so much."""
KEPT_FOR: Final = timedelta(days=3)
"""Longer than any turn is tried again."""
_NOTED: Final = "mark "


class Marks:
    """Knows which message of ours bears which mark."""

    def __init__(self, *, rest: Rest, store: AdapterStore, clock: Clock) -> None:
        self._rest = rest
        self._store = store
        self._clock = clock
        self.intake: Intake | None = None
        """Tells which messages belong to replies already."""
        self.own_id = ""
        """The bot's user."""

    async def note(self, mark: str, message_id: str) -> None:
        """Remember a message that does not bear its mark itself."""
        try:
            await self._store.set(
                f"{_NOTED}{mark}", {"id": message_id, "at": self._clock.now().isoformat()}
            )
        except IntakeUnavailable:
            return  # it is shown; that it might not be found after a crash is all that is lost

    async def forget_old(self) -> None:
        """Drop notes that serve no more. Raises `IntakeUnavailable`."""
        oldest = self._clock.now() - KEPT_FOR
        for key, noted in (await self._store.items(_NOTED)).items():
            if datetime.fromisoformat(noted["at"]) < oldest:
                await self._store.set(key, None)

    async def noted(self, mark: str) -> str | None:
        """The message that was noted. Raises `PlatformUnavailable`."""
        try:
            found = await self._store.get(f"{_NOTED}{mark}")
        except IntakeUnavailable as error:
            raise PlatformUnavailable(str(error)) from error
        return None if found is None else str(found["id"])

    async def find(self, thread: Thread, spot: Spot, mark: str) -> str | None:
        """The message with this mark, if it is there. Raises `PlatformError`."""
        noted = await self.noted(mark)
        if noted is not None:
            return noted if await self._there(spot, noted) else None
        turn_id, _, suffix = mark.rpartition(".")
        begun = self._begun(turn_id)
        ours = await self._ours_since(spot, begun)
        for message in ours:
            said = said_by(message.get("components") or [])
            if said is not None and said.mark == mark:
                return str(message["id"])
        if begun is None:
            return None
        if suffix.startswith("f"):
            return _file(ours, int(suffix[1:])) if suffix[1:].isdecimal() else None
        return await self._unnoted(ours, spot, thread)

    def _begun(self, turn_id: str) -> datetime | None:
        """When a turn began that may still be under way; None for what is none."""
        begun = made_at(turn_id)
        if begun is None or abs(self._clock.now() - begun) > KEPT_FOR:
            return None
        return begun

    async def _there(self, spot: Spot, message_id: str) -> bool:
        try:
            await self._rest.get(
                "/channels/{channel_id}/messages/{message_id}",
                channel_id=spot.channel_id,
                message_id=message_id,
            )
        except MessageGone:
            return False
        return True

    async def _ours_since(self, spot: Spot, since: datetime | None) -> list[Json]:
        """Our messages in a channel from then on, oldest first; the newest ones where that is not known."""
        query = {"limit": str(PAGE)}
        if since is not None:
            query["after"] = str(time_snowflake(since - timedelta(seconds=TOLERANCE_S)))
        found: list[Json] = []
        for _ in range(MAX_PAGES):
            page = await self._page(spot, query)
            found += sorted(page, key=lambda message: int(message["id"]))
            if len(page) < PAGE or since is None:
                break
            query["after"] = str(found[-1]["id"])
        return [each for each in found if str(each["author"]["id"]) == self.own_id]

    async def _page(self, spot: Spot, query: dict[str, str]) -> Sequence[Any]:
        page: Sequence[Any] = await self._rest.ask(
            "GET", "/channels/{channel_id}/messages", query=query, channel_id=spot.channel_id
        )
        return page

    async def _unnoted(self, ours: list[Json], spot: Spot, thread: Thread) -> str | None:
        for message in ours:
            silent = int(message.get("flags") or 0) & SILENT
            marked = said_by(message.get("components") or [])
            if silent or marked is not None or _is_file(message) or _answers_call(message):
                continue
            message_id = str(message["id"])
            if not await self._in_thread(message, spot, thread):
                continue
            if await self._thread_of(thread, message_id) is None:
                return message_id
        return None

    async def _in_thread(self, message: Json, spot: Spot, thread: Thread) -> bool:
        """In a direct message or a thread of Discord's all are; in a channel, what answers this one."""
        if spot.root_id is None or spot.to_be_opened:
            return True
        answered = reference_of(message)
        if answered is None or answered == thread.id:
            return answered is not None
        before = reference_of(message.get("referenced_message") or {})
        return before is not None and await self._thread_of(thread, before) == thread

    async def _thread_of(self, thread: Thread, message_id: str) -> Thread | None:
        if self.intake is None:
            return None
        try:
            return await self.intake.thread_of(thread.channel, message_id)
        except IntakeUnavailable as error:
            raise PlatformUnavailable(str(error)) from error


def _answers_call(message: Json) -> bool:
    return bool(message.get("interaction_metadata") or message.get("interaction"))


def _is_file(message: Json) -> bool:
    return bool(message.get("attachments")) and not message.get("content")


def _file(ours: list[Json], number: int) -> str | None:
    """The files of a turn are sent in order; a card's picture is the first of them."""
    files = [str(each["id"]) for each in ours if each.get("attachments")]
    return files[number] if number < len(files) else None
