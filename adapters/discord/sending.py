"""Speaking in channels: post, edit, delete, files and notices."""

import hashlib
from datetime import timedelta
from typing import Final

from adapters.discord.controls import said_by
from adapters.discord.errors import UNKNOWN_CHANNEL, Forbidden, Refused
from adapters.discord.identity import Spot
from adapters.discord.marks import Marks
from adapters.discord.pacing import Urgency
from adapters.discord.parse import sent_at
from adapters.discord.render import (
    SILENT,
    content_of,
    described,
    files_of,
    nobody,
    once,
    reference_to,
    shows,
)
from adapters.discord.rest import Json, Rest
from adapters.discord.shares import Shares
from bot.ports import MAX_MARK_CHARS, MessageGone, OutgoingFile, Part, PlatformBusy, Shown
from bot.vocabulary import Clock, Newest, Thread

THREAD_ARCHIVED: Final = 50083
REPLAYED_S: Final = 5.0
"""A message so much older than the request for it was posted by an earlier one."""
MAX_REPOSTED: Final = 1_000
_MESSAGES: Final = "/channels/{channel_id}/messages"
_MESSAGE: Final = "/channels/{channel_id}/messages/{message_id}"


class Sender:
    """Shows parts of replies as messages of a channel. One attempt each; see `bot.ports.Adapter`."""

    def __init__(self, *, rest: Rest, clock: Clock, marks: Marks) -> None:
        self._rest = rest
        self._clock = clock
        self._marks = marks
        self._shares = Shares(clock)
        self._deleted = Newest[str, int](MAX_REPOSTED)
        """How many messages with a mark were deleted by somebody: the next is another one."""

    async def post(self, thread: Thread, spot: Spot, part: Part) -> Shown:
        """Post a part; the message of an earlier attempt is brought to it."""
        body = content_of(thread, part)
        asked_at = self._clock.now()
        message = await self._create(
            spot,
            {**body, **once(self._nonce(part.mark)), **reference_to(spot, part.answers)},
            files=files_of(part),
            urgency=Urgency.NEW if part.final else Urgency.FIRST,
        )
        message_id = str(message["id"])
        replayed = sent_at(message) < asked_at - timedelta(seconds=REPLAYED_S)
        if replayed or not shows(message, body):
            return await self._take_up(thread, spot, message_id, part)
        if said_by(body["components"]) is None:
            await self._marks.note(part.mark, message_id)
        return Shown(message_id)

    async def edit(self, thread: Thread, spot: Spot, message_id: str, part: Part) -> Shown:
        """Change a message. Texts in between take turns and leave room for the last ones."""
        if not part.final:
            pause_s = self._shares.pause_s(spot.channel_id, message_id)
            if pause_s > 0:
                raise PlatformBusy("others' turn", retry_after_s=pause_s, last_change_in_s=0.0)
        try:
            await self._change(spot, message_id, thread, part)
        except MessageGone:
            self._note_deleted(part.mark)
            self._shares.finished(spot.channel_id, message_id)
            raise
        if part.final:
            self._shares.finished(spot.channel_id, message_id)
        else:
            self._shares.changed(spot.channel_id, message_id)
        return Shown(message_id)

    async def send_file(self, spot: Spot, file: OutgoingFile) -> str:
        """Post a file as a message of its own."""
        body: Json = {
            "attachments": [described(file)],
            "allowed_mentions": nobody(),
            **once(file.mark),
            **reference_to(spot, None),
        }
        message = await self._create(spot, body, files=[file], urgency=Urgency.NEW)
        await self._marks.note(file.mark, str(message["id"]))
        return str(message["id"])

    async def notice(self, spot: Spot, text: str, mark: str) -> None:
        """Post a sentence that makes no sound."""
        body: Json = {
            "content": text,
            "flags": SILENT,
            "allowed_mentions": nobody(),
            **once(mark),
            **reference_to(spot, None),
        }
        await self._create(spot, body, files=[], urgency=Urgency.NEW)

    async def delete(self, spot: Spot, message_id: str) -> None:
        """Delete a message; fine if it or its place is gone."""
        self._shares.finished(spot.channel_id, message_id)
        try:
            await self._rest.ask(
                "DELETE", _MESSAGE, channel_id=spot.channel_id, message_id=message_id
            )
        except MessageGone:
            return
        except Forbidden as error:
            if error.code != UNKNOWN_CHANNEL:
                raise

    async def _create(
        self, spot: Spot, body: Json, *, files: list[OutgoingFile], urgency: Urgency
    ) -> Json:
        message: Json = await self._rest.ask(
            "POST", _MESSAGES, body=body, files=files, urgency=urgency, channel_id=spot.channel_id
        )
        return message

    async def _take_up(self, thread: Thread, spot: Spot, message_id: str, part: Part) -> Shown:
        """An earlier attempt has posted it: bring it to what it should show now."""
        try:
            await self._change(spot, message_id, thread, part)
        except MessageGone:
            self._note_deleted(part.mark)
            return await self.post(thread, spot, part)
        return Shown(message_id)

    async def _change(self, spot: Spot, message_id: str, thread: Thread, part: Part) -> None:
        urgency = Urgency.LAST if part.final else Urgency.BETWEEN
        try:
            await self._patch(spot, message_id, thread, part, urgency)
        except Refused as error:
            if error.code != THREAD_ARCHIVED:
                raise
            await self._rest.ask(
                "PATCH",
                "/channels/{channel_id}",
                body={"archived": False},
                channel_id=spot.channel_id,
            )
            await self._patch(spot, message_id, thread, part, urgency)

    async def _patch(
        self, spot: Spot, message_id: str, thread: Thread, part: Part, urgency: Urgency
    ) -> None:
        await self._rest.ask(
            "PATCH",
            _MESSAGE,
            body=content_of(thread, part),
            files=files_of(part),
            urgency=urgency,
            channel_id=spot.channel_id,
            message_id=message_id,
        )

    def _nonce(self, mark: str) -> str:
        times = self._deleted.get(mark, 0)
        if not times:
            return mark
        return hashlib.sha256(f"{mark} {times}".encode()).hexdigest()[:MAX_MARK_CHARS]

    def _note_deleted(self, mark: str) -> None:
        self._deleted[mark] = self._deleted.get(mark, 0) + 1
