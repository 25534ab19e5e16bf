"""The bot's messages: written once, changed in place, found again."""

from datetime import timedelta
from typing import Final

from adapters.slack.api import SlackApi
from adapters.slack.buttons import blocks_below, stop_block
from adapters.slack.errors import NotStreaming, StillStreaming
from adapters.slack.harmless import harmless, harmless_so_far
from adapters.slack.parse import is_by_bot
from adapters.slack.past import Past, timestamp
from adapters.slack.payloads import Json
from adapters.slack.places import Place
from adapters.slack.render import REPLY, WAITING, content, mark_of, metadata
from adapters.slack.signs import Signs
from adapters.slack.streams import Recipient, Stream, Streams
from adapters.slack.unfinished import Unfinished
from bot.ports import Controls, MessageGone, Part, PlatformBusy, Shown
from bot.vocabulary import Clock, Thread, made_at

FIND_BACK: Final = timedelta(days=2)
CLOCKS_DIFFER: Final = timedelta(minutes=5)
LATER_S: Final = 0.5


class Posts:
    """Shows parts of replies as messages. Its verbs are those of the port."""

    def __init__(
        self, *, api: SlackApi, past: Past, streams: Streams, signs: Signs, clock: Clock
    ) -> None:
        self._api = api
        self._past = past
        self._streams = streams
        self._signs = signs
        self._clock = clock
        self._unfinished = Unfinished(clock=clock)

    async def post(
        self, thread: Thread, place: Place, part: Part, *, recipient: Recipient | None
    ) -> Shown:
        """Say something new: as a stream where more is to come, else as a message."""
        shown = await self._in_the_place_held(thread, place, part)
        if shown is not None:
            return shown
        if not part.final and part.choice is None:
            ts = await self._stream(thread, place, part, recipient)
            if ts is not None:
                return Shown(ts)
            self._check_there_is_room(place)
        with self._unfinished.coming(place.workspace, final=part.final):
            ts = await self._post(thread, place, part)
        await self._changed(thread, place, ts, part)
        return Shown(ts)

    async def _post(self, thread: Thread, place: Place, part: Part) -> str:
        posted = await self._api.call(
            "chat.postMessage",
            place.workspace,
            **place.where,
            **self._content(thread, part),
            metadata=metadata(part.mark),
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(posted["ts"])

    async def edit(self, thread: Thread, place: Place, ts: str, part: Part) -> Shown:
        """Bring a message to this text. An interim one may be passed over; the final one never is."""
        stream = self._streams.get(place, ts)
        try:
            if stream is not None and await self._write_on(thread, stream, part):
                return Shown(ts)
        except NotStreaming:
            stream = None
        if stream is not None:
            await self._streams.make_editable(place, ts)
        elif not part.final and part.choice is None:
            self._check_it_is_due(place, ts)
        await self._update(thread, place, ts, part)
        return Shown(ts)

    async def delete(self, place: Place, ts: str) -> None:
        """Take a message away; fine if it is gone."""
        self._unfinished.note(place.workspace, place.channel, ts, final=True)
        if self._streams.get(place, ts) is not None:
            await self._streams.make_editable(place, ts)
        try:
            await self._delete(place, ts)
        except MessageGone:
            return

    async def find(self, place: Place, mark: str) -> str | None:
        """The message with this mark.

        A stream can't be marked until it ends, nor is a placeholder: such a message of ours, newer than
        every marked one, is the one that is looked for.
        """
        installed = await self._api.workspaces.of(place.workspace)
        said = [each for each in await self._recent(place, mark) if is_by_bot(each, installed)]
        for message in said:
            if mark_of(message) == mark:
                return str(message["ts"])
        for message in reversed(said):
            if mark_of(message) is not None:
                return None
            if _may_become_a_reply(message, streamed=place.thread_ts is not None):
                return str(message["ts"])
        return None

    async def _recent(self, place: Place, mark: str) -> list[Json]:
        """What was said since the turn of this mark began."""
        began = made_at(mark.rpartition(".")[0])
        oldest = timestamp(
            self._clock.now() - FIND_BACK if began is None else began - CLOCKS_DIFFER
        )
        where = (place.workspace, place.channel)
        if place.thread_ts is None:
            return await self._past.channel(*where, oldest=oldest, with_metadata=True)
        return await self._past.thread(*where, place.thread_ts, oldest=oldest, with_metadata=True)

    async def _in_the_place_held(self, thread: Thread, place: Place, part: Part) -> Shown | None:
        """Where a placeholder stands, it becomes the message."""
        ts = await self._signs.placeholder(thread, place)
        if ts is None:
            return None
        try:
            await self._update(thread, place, ts, part)
        except MessageGone:
            await self._signs.used(thread, ts)
            return None
        return Shown(ts)

    async def _stream(
        self, thread: Thread, place: Place, part: Part, recipient: Recipient | None
    ) -> str | None:
        text = harmless_so_far(part.markdown, part.may_mention)
        if not text.strip():
            raise not_yet("nothing to show yet")
        wants_button = part.controls is Controls.STOP and not self._signs.stoppable(thread)
        button = stop_block(thread) if wants_button else None
        return await self._streams.start(place, text, recipient=recipient, button=button)

    async def _write_on(self, thread: Thread, stream: Stream, part: Part) -> bool:
        """Bring a stream to this text; false where it has to be left for that.

        Raises:
            NotStreaming: it has ended by itself.
        """
        if part.choice is not None:
            return False
        if not part.final:
            return await self._grow(stream, part)
        text = harmless(part.markdown, part.may_mention)
        if stream.has_button or not text.startswith(stream.written):
            return False
        await self._streams.stop(
            stream.place,
            stream.ts,
            rest=text[len(stream.written) :],
            blocks=blocks_below(thread, part.mark, None, part.controls),
            metadata=metadata(part.mark),
            ends_session=self._signs.stoppable(thread),
        )
        self._signs.session_ended(thread)
        return True

    async def _grow(self, stream: Stream, part: Part) -> bool:
        text = harmless_so_far(part.markdown, part.may_mention)
        if stream.written.startswith(text):
            return True  # nothing new, or what is new is held back
        if not text.startswith(stream.written):
            return False
        if not self._streams.may_grow(stream):
            raise not_yet("many messages are being written")
        await self._streams.append(stream, text)
        return True

    async def _update(self, thread: Thread, place: Place, ts: str, part: Part) -> None:
        arguments = {
            "channel": place.channel,
            "ts": ts,
            **self._content(thread, part),
            "metadata": metadata(part.mark),
        }
        await self._signs.make_way(thread, place, ts)
        try:
            await self._api.call("chat.update", place.workspace, **arguments)
        except StillStreaming:  # another replica began it, or an answer of Slack's was lost
            await self._streams.make_editable(place, ts)
            await self._api.call("chat.update", place.workspace, **arguments)
        await self._changed(thread, place, ts, part)

    async def _delete(self, place: Place, ts: str) -> None:
        arguments = {"channel": place.channel, "ts": ts}
        try:
            await self._api.call("chat.delete", place.workspace, **arguments)
        except StillStreaming:
            await self._streams.make_editable(place, ts)
            await self._api.call("chat.delete", place.workspace, **arguments)

    async def _changed(self, thread: Thread, place: Place, ts: str, part: Part) -> None:
        self._unfinished.note(place.workspace, place.channel, ts, final=part.final)
        await self._signs.used(thread, ts)
        if part.final:
            self._signs.done(thread, place)

    def _content(self, thread: Thread, part: Part) -> Json:
        return content(thread, part, stoppable=not self._signs.stoppable(thread))

    def _check_it_is_due(self, place: Place, ts: str) -> None:
        """Raise `PlatformBusy` if an interim edit would cost what others need for their final one."""
        changed_at = self._unfinished.changed_at(place.workspace, place.channel, ts)
        reserve = self._unfinished.owed(place.workspace)
        if not self._streams.is_due("chat.update", place.workspace, changed_at, reserve=reserve):
            raise not_yet("many messages are being written")

    def _check_there_is_room(self, place: Place) -> None:
        """A message that is not final costs an edit more. Where Slack allows no more of those, people
        wait for the final one. Raises `PlatformBusy`."""
        spare = self._api.pacing.spare("chat.update", place.workspace)
        if spare < self._unfinished.owed(place.workspace) + 1:
            raise not_yet("too many messages are being written")


def not_yet(why: str) -> PlatformBusy:
    """An interim change is put off; the last one need not wait."""
    return PlatformBusy(why, retry_after_s=LATER_S, last_change_in_s=0.0)


def _may_become_a_reply(message: Json, *, streamed: bool) -> bool:
    """A placeholder, or where there are streams, what may be one of which nothing else is known."""
    if mark_of(message, kind=WAITING) is not None:
        return True
    if not streamed:
        return False
    unmarked = not message.get("metadata") and mark_of(message, kind=REPLY) is None
    return unmarked and not message.get("files") and not message.get("subtype")
