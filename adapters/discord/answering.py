"""Answers to calls: by their webhook as long as the token serves, then as ordinary messages.

https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
"""

from contextlib import suppress
from typing import Final

from adapters.discord.calls import Call, Calls
from adapters.discord.errors import UNKNOWN_WEBHOOK, Forbidden, InteractionOver
from adapters.discord.identity import Spot, spot_of
from adapters.discord.interactions import EPHEMERAL
from adapters.discord.marks import Marks
from adapters.discord.pacing import Urgency
from adapters.discord.render import content_of, described, files_of, nobody
from adapters.discord.rest import Json, Rest
from adapters.discord.sending import Sender
from bot.ports import MessageGone, OutgoingFile, Part, PlatformUnavailable, Shown, ThreadGone
from bot.vocabulary import Clock, Thread

ACKNOWLEDGED_WITHIN_S: Final = 10.0
LOADING: Final = 1 << 7
"""The flag of "… is thinking", which a deferred answer shows until there is one."""
_WEBHOOK: Final = "/webhooks/{webhook_id}/{webhook_token}"
_MESSAGE: Final = "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
_ORIGINAL: Final = "@original"


class Answering:
    """Speaks in the threads of calls. One attempt each; see `bot.ports.Adapter`."""

    def __init__(
        self, *, rest: Rest, calls: Calls, sender: Sender, marks: Marks, clock: Clock
    ) -> None:
        self._rest = rest
        self._calls = calls
        self._sender = sender
        self._marks = marks
        self._clock = clock

    async def post(self, thread: Thread, part: Part) -> Shown:
        """The first part takes the place of "… is thinking", the others follow."""
        call = await self._call(thread)
        if call.moved_to is not None or call.over(self._clock.now()):
            return await self._post_elsewhere(thread, call, part)
        body, files = content_of(thread, part), files_of(part)
        try:
            message = await self._new(call, body, files, part)
        except InteractionOver as error:
            if error.code == UNKNOWN_WEBHOOK and self._may_still_be_acknowledged(call):
                raise PlatformUnavailable(str(error)) from error
            return await self._post_elsewhere(thread, call, part)
        await self._marks.note(part.mark, str(message["id"]))
        return Shown(str(message["id"]))

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """Change a message; one whose token serves no more is gone, and what is said next stands
        elsewhere."""
        call = await self._call(thread)
        if call.moved_to is not None:
            return await self._sender.edit(thread, _moved(call), message_id, part)
        if call.over(self._clock.now()):
            raise MessageGone("the interaction's token serves no more")
        body, files = content_of(thread, part), files_of(part)
        try:
            await self._change(call, message_id, body, files, part)
        except InteractionOver as error:
            raise MessageGone(str(error)) from error
        return Shown(message_id)

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """A file that follows."""
        call = await self._call(thread)
        if call.moved_to is not None or call.over(self._clock.now()):
            call = await self._move(thread, call)
            return await self._sender.send_file(_moved(call), file)
        body: Json = {"attachments": [described(file)], "allowed_mentions": nobody()}
        message = await self._follow_up(call, body, [file])
        await self._marks.note(file.mark, str(message["id"]))
        return str(message["id"])

    async def notice(self, thread: Thread, text: str, mark: str) -> None:
        """A sentence to the caller alone."""
        call = await self._call(thread)
        if call.moved_to is not None or call.over(self._clock.now()):
            call = await self._move(thread, call)
            return await self._sender.notice(_moved(call), text, mark)
        body: Json = {"content": text, "flags": EPHEMERAL, "allowed_mentions": nobody()}
        await self._follow_up(call, body, [])
        return None

    async def delete(self, thread: Thread, message_id: str) -> None:
        """Take a message away; one that can't be reached any more stays."""
        call = await self._call(thread)
        if call.moved_to is not None:
            return await self._sender.delete(_moved(call), message_id)
        try:
            await self._remove(call, message_id)
        except (MessageGone, InteractionOver):
            return None

    async def find(self, thread: Thread, mark: str) -> str | None:
        """What was noted; the first part needs no finding, as posting it changes what is there."""
        call = await self._call(thread)
        if call.moved_to is not None:
            return await self._marks.find(thread, _moved(call), mark)
        noted = await self._marks.noted(mark)
        if noted is None or call.over(self._clock.now()):
            return None
        try:
            await self._read(call, noted)
        except (MessageGone, InteractionOver):
            return None
        return noted

    async def end_status(self, thread: Thread) -> None:
        """Take "… is thinking" away, where nothing has taken its place."""
        call = await self._call(thread)
        if call.moved_to is not None or call.over(self._clock.now()):
            return
        try:
            shown = await self._read(call, _ORIGINAL)
            if int(shown.get("flags") or 0) & LOADING:
                await self._remove(call, _ORIGINAL)
        except (MessageGone, InteractionOver):
            return

    def _may_still_be_acknowledged(self, call: Call) -> bool:
        """By the replica that heard of it: until then Discord knows no answer to it."""
        return (self._clock.now() - call.called_at).total_seconds() < ACKNOWLEDGED_WITHIN_S

    async def _call(self, thread: Thread) -> Call:
        call = await self._calls.get(_id_of(thread))
        if call is None:
            raise ThreadGone(f"nothing is known of the interaction of {thread.key}")
        return call

    async def _read(self, call: Call, message_id: str) -> Json:
        message: Json = await self._rest.get(
            _MESSAGE,
            message_id=message_id,
            webhook_id=call.application_id,
            webhook_token=call.token,
        )
        return message

    async def _remove(self, call: Call, message_id: str) -> None:
        await self._rest.ask(
            "DELETE",
            _MESSAGE,
            message_id=message_id,
            webhook_id=call.application_id,
            webhook_token=call.token,
        )

    async def _new(self, call: Call, body: Json, files: list[OutgoingFile], part: Part) -> Json:
        if part.mark.endswith(".0"):
            with suppress(MessageGone):  # somebody dismissed it: then it follows as the others do
                return await self._change(call, _ORIGINAL, body, files, part)
        return await self._follow_up(call, body, files)

    async def _change(
        self, call: Call, message_id: str, body: Json, files: list[OutgoingFile], part: Part
    ) -> Json:
        message: Json = await self._rest.ask(
            "PATCH",
            _MESSAGE,
            body=body,
            files=files,
            urgency=Urgency.LAST if part.final else Urgency.BETWEEN,
            message_id=message_id,
            webhook_id=call.application_id,
            webhook_token=call.token,
        )
        return message

    async def _follow_up(self, call: Call, body: Json, files: list[OutgoingFile]) -> Json:
        private = {"flags": EPHEMERAL} if call.private else {}
        message: Json = await self._rest.ask(
            "POST",
            _WEBHOOK,
            body={**private, **body},
            files=files,
            query={"wait": "true"},
            webhook_id=call.application_id,
            webhook_token=call.token,
        )
        return message

    async def _post_elsewhere(self, thread: Thread, call: Call, part: Part) -> Shown:
        moved = await self._move(thread, call)
        try:
            return await self._sender.post(thread, _moved(moved), part)
        except Forbidden:
            if moved.moved_to != call.channel_id:
                raise
        direct = await self._calls.moved(
            _id_of(thread), call, await self._direct_channel(call.person_id)
        )
        return await self._sender.post(thread, _moved(direct), part)

    async def _move(self, thread: Thread, call: Call) -> Call:
        """Where its answers go from now on: the channel, or the caller where nobody else may read them."""
        if call.moved_to is not None:
            return call
        channel_id = call.channel_id
        if call.private:
            channel_id = await self._direct_channel(call.person_id)
        return await self._calls.moved(_id_of(thread), call, channel_id)

    async def _direct_channel(self, person_id: str) -> str:
        channel: Json = await self._rest.ask(
            "POST", "/users/@me/channels", body={"recipient_id": person_id}
        )
        return str(channel["id"])


def _id_of(thread: Thread) -> str:
    return spot_of(thread).interaction_id or ""


def _moved(call: Call) -> Spot:
    """Where its answers went."""
    return Spot(call.moved_to or call.channel_id)
