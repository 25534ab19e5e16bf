"""Slack's own streams: messages that people see being written.

https://docs.slack.dev/reference/methods/chat.startStream and its neighbours. A stream only grows, so it
lasts as long as the text does; it can't be changed otherwise until it has ended, and it ends by itself
about five minutes after it began. What is known of a stream is known here alone: another replica, or this
one when it is in doubt, ends it and goes on with edits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.slack.api import SlackApi
from adapters.slack.errors import NotStreaming, Refused
from adapters.slack.payloads import Json
from adapters.slack.places import Place
from adapters.slack.refusals import Refusals
from bot.ports import PlatformBusy
from bot.vocabulary import Clock

LONGEST_S: Final = 240.0
"""A stream is ended before Slack does it: after about five minutes, seen by others
(https://github.com/slackapi/python-slack-sdk/issues/1859)."""

STREAMS: Final = "streams"
BUTTONS: Final = "buttons in streams"
MAX_STREAMS: Final = 5_000
PLENTY: Final = 40.0
FEW: Final = 5.0


@dataclass(slots=True)
class Stream:
    """A message being streamed, as far as it was written here."""

    ts: str
    place: Place
    written: str
    started_at: float
    changed_at: float
    has_button: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """For whom a stream in a channel is: others there see it in larger pieces."""

    user: str
    team: str


class Streams:
    """Begins, continues and ends them."""

    def __init__(self, *, api: SlackApi, refusals: Refusals, clock: Clock) -> None:
        self._api = api
        self._refusals = refusals
        self._clock = clock
        self._open: dict[tuple[str, str], Stream] = {}

    def get(self, place: Place, ts: str) -> Stream | None:
        """The stream of a message, if it was begun here and may still be written on."""
        stream = self._open.get((place.channel, ts))
        if stream is not None and self._clock.monotonic() - stream.started_at > LONGEST_S:
            return None
        return stream

    async def start(
        self, place: Place, text: str, *, recipient: Recipient | None, button: Json | None
    ) -> str | None:
        """The id of a new message that is streamed; None where there can be no stream now.

        Raises:
            PlatformError: it is not known whether there is one, or nothing can be said there.
        """
        if not await self._possible(place, recipient):
            return None
        button = button if await self._can_have_button(place) else None
        try:
            return await self._start(place, text, recipient, button)
        except PlatformBusy:
            return None
        except Refused as error:
            if button is not None:
                await self._refusals.note(place.workspace, BUTTONS, error.code)
                return await self.start(place, text, recipient=recipient, button=None)
            await self._refusals.note(place.workspace, STREAMS, error.code)
            return None

    async def append(self, stream: Stream, text: str) -> None:
        """Bring the stream to this text, which continues what is written.

        Raises:
            NotStreaming: it has ended; the message can be edited.
            PlatformError: as `SlackApi.call`. Unless Slack only asked to wait, the stream is given up.
        """
        key = (stream.place.channel, stream.ts)
        self._open.pop(key, None)  # what was written is in doubt until Slack has answered
        rest = text[len(stream.written) :]
        try:
            await self._api.call(
                "chat.appendStream",
                stream.place.workspace,
                channel=stream.place.channel,
                ts=stream.ts,
                markdown_text=rest,
            )
        except PlatformBusy:
            self._open[key] = stream
            raise
        stream.written, stream.changed_at = text, self._clock.monotonic()
        self._open[key] = stream

    async def stop(
        self,
        place: Place,
        ts: str,
        *,
        rest: str = "",
        blocks: Sequence[Json] = (),
        metadata: Json | None = None,
        ends_session: bool = False,
    ) -> None:
        """End a stream, whoever began it, with what remains to be written, and perhaps the session.

        Raises:
            NotStreaming: it had ended already, and nothing was written.
            PlatformError: as `SlackApi.call`. Unless Slack only asked to wait, the stream is given up.
        """
        stream = self._open.pop((place.channel, ts), None)
        try:
            await self._api.call(
                "chat.stopStream",
                place.workspace,
                channel=place.channel,
                ts=ts,
                markdown_text=rest or None,
                blocks=list(blocks) or None,
                metadata=metadata,
                session_status="active" if ends_session else None,
            )
        except PlatformBusy:
            if stream is not None:
                self._open[place.channel, ts] = stream
            raise

    async def make_editable(self, place: Place, ts: str) -> None:
        """End a stream where there is one. Raises `PlatformError`."""
        try:
            await self.stop(place, ts)
        except NotStreaming:
            return

    def may_grow(self, stream: Stream) -> bool:
        """Whether an interim text is worth a call now: many streams at once share what Slack allows."""
        return self.is_due("chat.appendStream", stream.place.workspace, stream.changed_at)

    def is_due(
        self, method: str, workspace: str, changed_at: float, *, reserve: float = FEW
    ) -> bool:
        """Whether an interim change may be made, so long after the one before, so that enough is left
        for what must be done."""
        spare = self._api.pacing.spare(method, workspace) - reserve
        if spare < 1 or spare >= PLENTY:
            return spare >= PLENTY
        share_s = max(1, len(self._open)) / self._api.pacing.rate_per_s(method)
        return self._clock.monotonic() - changed_at >= share_s

    async def _start(
        self, place: Place, text: str, recipient: Recipient | None, button: Json | None
    ) -> str:
        text_chunk = {"type": "markdown_text", "text": text}
        told: dict[str, Any] = {"markdown_text": text}
        if button is not None:
            told = {"chunks": [{"type": "blocks", "blocks": [button]}, text_chunk]}
        if recipient is not None and not place.direct:
            told |= {"recipient_user_id": recipient.user, "recipient_team_id": recipient.team}
        started = await self._api.call("chat.startStream", place.workspace, **place.where, **told)
        ts, now = str(started["ts"]), self._clock.monotonic()
        self._forget_old()
        self._open[place.channel, ts] = Stream(ts, place, text, now, now, button is not None)
        return ts

    async def _possible(self, place: Place, recipient: Recipient | None) -> bool:
        if place.thread_ts is None or (recipient is None and not place.direct):
            return False
        pacing, workspace = self._api.pacing, place.workspace
        ending = sum(1 for stream in self._open.values() if stream.place.workspace == workspace)
        return (
            pacing.spare("chat.startStream", workspace) >= 1
            and pacing.spare("chat.stopStream", workspace) >= ending + 1
            and not await self._refusals.known(workspace, STREAMS)
        )

    async def _can_have_button(self, place: Place) -> bool:
        """A button in a stream has to be edited away at the end, which costs a call."""
        spare = self._api.pacing.spare("chat.update", place.workspace)
        return spare >= PLENTY / 2 and not await self._refusals.known(place.workspace, BUTTONS)

    def _forget_old(self) -> None:
        oldest = self._clock.monotonic() - LONGEST_S
        if len(self._open) >= MAX_STREAMS:
            self._open = {k: s for k, s in self._open.items() if s.started_at > oldest}
        while len(self._open) >= MAX_STREAMS:
            del self._open[next(iter(self._open))]
