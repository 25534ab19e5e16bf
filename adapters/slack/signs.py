"""Signs that the bot is at work: Slack's status below a thread, or a message that holds the place.

https://docs.slack.dev/reference/methods/assistant.threads.setStatus. Where the app is an agent, its
session is marked as well, for which Slack shows a stop button of its own
(https://docs.slack.dev/ai/agent-sessions). A status needs a thread: at the root of a direct
conversation, and in workspaces that refuse it, a placeholder is posted, which becomes the answer.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from adapters.slack.api import SlackApi
from adapters.slack.errands import Errands
from adapters.slack.errors import Refused
from adapters.slack.keepsakes import Keepsakes
from adapters.slack.past import Past, timestamp
from adapters.slack.payloads import Json
from adapters.slack.places import Place
from adapters.slack.refusals import Refusals
from adapters.slack.render import WAITING, mark_of, metadata
from bot.ports import AdapterStore, MessageGone, PlatformBusy, PlatformError
from bot.vocabulary import Clock, Newest, Thread

log = structlog.get_logger(__name__)

PLACEHOLDER: Final = "…"
STATUS: Final = "status"
SESSIONS: Final = "agent sessions"
SPARE_SESSIONS: Final = 25
"""Of the calls of a minute half are for the beginnings of sessions: each needs another for its end."""

HELD_AGE: Final = timedelta(days=1)
SESSION_S: Final = 120.0
MAX_THREADS: Final = 5_000


class Signs:
    """Shows them and takes them away."""

    def __init__(
        self,
        *,
        api: SlackApi,
        past: Past,
        refusals: Refusals,
        errands: Errands,
        store: AdapterStore,
        clock: Clock,
    ) -> None:
        self._errands = errands
        self._held = Keepsakes("held", store=store, clock=clock, age=HELD_AGE)
        """The threads in which there may be a placeholder, for whoever comes after this process."""
        self._api = api
        self._past = past
        self._refusals = refusals
        self._clock = clock
        self._placeholders = Newest[str, str | None](MAX_THREADS)
        """The placeholder of a thread, by its key; None if there may be one that is not known."""
        self._processing = Newest[str, Place](MAX_THREADS)
        """Threads whose session was marked as being worked on, by their keys."""

    async def show(self, thread: Thread, place: Place, text: str) -> None:
        """Show that the bot is at work. Raises `PlatformError`."""
        if thread.is_new:
            return  # there is nothing yet that a sign could stand below
        if place.thread_ts is None or await self._refusals.known(place.workspace, STATUS):
            await self._hold_place(thread, place)
            return
        session = asyncio.create_task(self._mark_session(thread, place))
        try:
            await self._set(place, text)
        except Refused as error:
            await self._refusals.note(place.workspace, STATUS, error.code)
            await self._hold_place(thread, place)
        finally:
            await session

    async def hide(self, thread: Thread, place: Place) -> None:
        """Take every sign away, also one that another replica left behind. Raises `PlatformError`."""
        self.done(thread, place)
        if thread.is_new:
            return
        self._placeholders.pop(thread.key, None)  # what is kept of it tells where to look
        if place.thread_ts is None or await self._refusals.known(place.workspace, STATUS):
            await self._clear(thread, place)
            return
        try:
            await self._set(place, "")
        except Refused as error:
            await self._refusals.note(place.workspace, STATUS, error.code)

    async def placeholder(self, thread: Thread, place: Place) -> str | None:
        """The message that holds the place of the thread's answer, if one does. Raises
        `PlatformError`."""
        if thread.key not in self._placeholders:
            return None
        ts = self._placeholders[thread.key]
        return await self._left_behind(place) if ts is None else ts

    async def used(self, thread: Thread, ts: str) -> None:
        """A message is no placeholder any more, if it was one: it is a reply now, or gone."""
        if thread.key in self._placeholders and self._placeholders[thread.key] in (ts, None):
            del self._placeholders[thread.key]
            await self._held.forget(thread.key)

    async def _left_behind(self, place: Place) -> str | None:
        """A placeholder there, perhaps of a process that is no more."""
        oldest = timestamp(self._clock.now() - HELD_AGE)
        if place.thread_ts is None:
            said = await self._past.channel(
                place.workspace, place.channel, oldest=oldest, with_metadata=True, max_pages=2
            )
        else:
            said = await self._past.thread(
                place.workspace, place.channel, place.thread_ts, oldest=oldest, with_metadata=True
            )
        waiting = (m for m in reversed(said) if mark_of(m, kind=WAITING) is not None)
        return next((str(message["ts"]) for message in waiting), None)

    def stoppable(self, thread: Thread) -> bool:
        """Slack shows a stop button of its own for this thread."""
        return thread.key in self._processing

    def session_ended(self, thread: Thread) -> None:
        """The session of the thread was marked as idle by another call."""
        self._processing.pop(thread.key, None)

    async def make_way(self, thread: Thread, place: Place, ts: str) -> None:
        """Take away a placeholder that is not needed, as an earlier attempt had posted this message
        already. Raises `PlatformError`."""
        held = await self.placeholder(thread, place)
        if held not in (None, ts):
            await self._take_away(thread, place, held)

    def done(self, thread: Thread, place: Place) -> None:
        """The answer is there: the session is idle. That is told soon; nobody waits for it."""
        if self._processing.pop(thread.key, None) is not None:
            self._errands.run("session", self._end_session(place), within_s=SESSION_S)

    async def _clear(self, thread: Thread, place: Place) -> None:
        """Take away what a process that died may have left behind."""
        if await self._held.recall(thread.key) is not None:
            await self._take_away(thread, place, await self._left_behind(place))

    async def _take_away(self, thread: Thread, place: Place, ts: str | None) -> None:
        if ts is not None:
            await self._delete(place, ts)
        self._placeholders.pop(thread.key, None)
        await self._held.forget(thread.key)

    async def _set(self, place: Place, text: str) -> None:
        await self._api.call(
            "assistant.threads.setStatus",
            place.workspace,
            channel_id=place.channel,
            thread_ts=place.thread_ts,
            status=text,
        )

    async def _hold_place(self, thread: Thread, place: Place) -> None:
        if thread.key in self._placeholders:
            return
        await self._clear(thread, place)
        await self._held.keep(thread.key, {})
        self._placeholders[thread.key] = None
        try:
            posted = await self._api.call(
                "chat.postMessage",
                place.workspace,
                **place.where,
                text=PLACEHOLDER,
                metadata=metadata(thread.id, kind=WAITING),
            )
        except PlatformBusy:
            self._placeholders.pop(thread.key, None)
            raise
        self._placeholders[thread.key] = str(posted["ts"])

    async def _delete(self, place: Place, ts: str) -> None:
        try:
            await self._api.call("chat.delete", place.workspace, channel=place.channel, ts=ts)
        except MessageGone:
            return

    async def _mark_session(self, thread: Thread, place: Place) -> None:
        """Offer Slack's own stop button, as long as that costs nobody else theirs."""
        spare = self._api.pacing.spare("agents.sessions.setStatus", place.workspace)
        if spare < SPARE_SESSIONS or await self._refusals.known(place.workspace, SESSIONS):
            return
        try:
            told = await self._set_session(place, "processing")
        except Refused as error:
            await self._refusals.note(place.workspace, SESSIONS, error.code)
            return
        except PlatformError as error:
            log.debug("the session could not be marked", error=str(error))
            return
        self._processing[thread.key] = place
        if told.get("warning"):  # nobody would hear of a press of its button
            await self._refusals.note(place.workspace, SESSIONS, str(told["warning"]))
            self.done(thread, place)

    async def _end_session(self, place: Place) -> None:
        """People would go on seeing that the bot is at work: so it is told, however long that takes."""
        while True:
            try:
                await self._set_session(place, "active")
                return
            except PlatformBusy as error:
                await self._clock.sleep(error.retry_after_s)

    async def _set_session(self, place: Place, status: str) -> Json:
        return await self._api.call(
            "agents.sessions.setStatus",
            place.workspace,
            channel_id=place.channel,
            thread_ts=place.thread_ts,
            status=status,
        )
