"""Finding what was said while nobody listened: in direct conversations, known threads and known channels.

What is found goes the same way as events do, and duplicates change nothing; so the bounds here are only
there to spare Slack and us.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from adapters.slack.api import SlackApi
from adapters.slack.inbound_text import mentions
from adapters.slack.inlet import Inlet
from adapters.slack.past import Past, next_cursor, timestamp
from adapters.slack.payloads import Json, objects_in
from adapters.slack.places import DIRECT, NAME, Places, is_timestamp
from bot.ports import (
    AdapterStore,
    Intake,
    IntakeUnavailable,
    KnownThread,
    PlatformBusy,
    PlatformError,
)
from bot.vocabulary import ChannelKind, Clock

log = structlog.get_logger(__name__)

CHANNELS_AGE: Final = timedelta(days=30)
"""A channel the bot spoke in since then is looked through."""

OVERLAP_S: Final = 120.0
MAX_DIRECT: Final = 200
MAX_THREADS: Final = 200
MAX_MESSAGES: Final = 2_000
PAGES: Final = 3
TRIES: Final = 5
LEFT_TO_OTHERS: Final = 20.0
LONGEST_WAIT_S: Final = 60.0
_ALIVE: Final = "alive"


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel to look through, and what is known of its threads."""

    workspace: str
    id: str
    direct: bool
    known: tuple[KnownThread, ...] = ()


class CatchUp:
    """Looks through them."""

    def __init__(
        self,
        *,
        api: SlackApi,
        past: Past,
        places: Places,
        inlet: Inlet,
        store: AdapterStore,
        clock: Clock,
        max_age_s: float,
    ) -> None:
        self._api = api
        self._past = past
        self._places = places
        self._inlet = inlet
        self._store = store
        self._clock = clock
        self._max_age_s = max_age_s
        self._left = 0

    async def note_alive(self) -> None:
        """Everything up to now has been heard. Never raises: it only makes the next look shorter."""
        try:
            await self._store.set(_ALIVE, self._clock.now().isoformat())
        except IntakeUnavailable as error:
            log.debug("not noted", error=str(error))

    async def since_last_alive(self) -> datetime:
        """From when on something may have been missed. Raises `IntakeUnavailable`."""
        oldest = self._clock.now() - timedelta(seconds=self._max_age_s)
        alive = await self._store.get(_ALIVE)
        if not alive:
            return oldest
        return max(oldest, datetime.fromisoformat(alive) - timedelta(seconds=OVERLAP_S))

    async def run(self, intake: Intake, *, since: datetime) -> None:
        """Hand in what was said since then, as far as it may concern the bot.

        Raises:
            IntakeUnavailable: it can't be handed in now.
        """
        if self._max_age_s <= 0:
            return
        self._left = MAX_MESSAGES
        channels = await self._channels(intake)
        for channel in channels:
            try:
                await self._look_through(intake, channel, since)
            except PlatformError as error:
                log.warning("not caught up", channel=channel.id, error=str(error))
        log.info("caught up", channels=len(channels), messages=MAX_MESSAGES - self._left)

    async def _channels(self, intake: Intake) -> Sequence[_Channel]:
        """The channels of the threads that are known, those with the newest first, and everybody's direct
        conversations."""
        oldest = self._clock.now() - CHANNELS_AGE
        known: dict[tuple[str, str], list[KnownThread]] = defaultdict(list)
        for thread in await intake.known_threads(NAME, since=oldest):
            channel = thread.thread.channel
            known[channel.workspace, channel.id].append(thread)
        found = {
            (workspace, channel): _Channel(
                workspace,
                channel,
                threads[0].thread.channel.kind is ChannelKind.DIRECT,
                tuple(threads),
            )
            for (workspace, channel), threads in known.items()
        }
        for workspace in await self._api.workspaces.all():
            for direct in await self._direct(workspace):
                found.setdefault((workspace, direct), _Channel(workspace, direct, direct=True))
        return list(found.values())

    async def _direct(self, workspace: str) -> Sequence[str]:
        """The direct conversations with the bot, at most `MAX_DIRECT`."""
        found: list[str] = []
        cursor: str | None = None
        try:
            while len(found) < MAX_DIRECT:
                page = await self._patiently(
                    "users.conversations", workspace, types="im", limit=MAX_DIRECT, cursor=cursor
                )
                found += [str(each["id"]) for each in objects_in(page.get("channels"))]
                cursor = next_cursor(page)
                if cursor is None:
                    break
        except PlatformError as error:
            log.warning("direct conversations not looked through", error=str(error))
        return found[:MAX_DIRECT]

    async def _look_through(self, intake: Intake, channel: _Channel, since: datetime) -> None:
        said = await self._said(channel, since)
        for message in said:
            await self._hand_in(intake, channel, message)
        for root_ts, oldest in (await self._threads(channel, said, since)).items():
            replies = await self._replies(channel, root_ts, oldest)
            for message in replies:
                if message.get("ts") != root_ts:
                    await self._hand_in(intake, channel, message)

    async def _said(self, channel: _Channel, since: datetime) -> Sequence[Json]:
        """What was said in the channel itself. To see which older threads have news would take a look at
        each; those that are known are looked at anyway."""
        while True:
            await self._politely("conversations.history", channel.workspace)
            try:
                return await self._past.channel(
                    channel.workspace, channel.id, oldest=timestamp(since), max_pages=PAGES
                )
            except PlatformBusy as error:
                await self._wait(error)

    async def _replies(self, channel: _Channel, root_ts: str, oldest: str) -> Sequence[Json]:
        while True:
            await self._politely("conversations.replies", channel.workspace)
            try:
                return await self._past.thread(
                    channel.workspace, channel.id, root_ts, oldest=oldest, max_pages=PAGES
                )
            except PlatformBusy as error:
                await self._wait(error)

    async def _threads(
        self, channel: _Channel, said: Sequence[Json], since: datetime
    ) -> dict[str, str]:
        """The threads that may have news, and from which timestamp on."""
        latest = {
            str(each["ts"]): str(each["latest_reply"]) for each in said if each.get("latest_reply")
        }
        found: dict[str, str] = {}
        for known in channel.known:
            root_ts = (await self._places.of(known.thread)).thread_ts
            if root_ts is None or known.thread.id == DIRECT:
                continue
            heard = known.last_message_id if is_timestamp(known.last_message_id) else None
            if heard is not None and latest.pop(root_ts, None) == heard:
                continue  # nothing came after it
            if known.last_message_at < self._clock.now() - timedelta(seconds=self._max_age_s):
                heard = None  # what is too old is not asked for
            found[root_ts] = heard or timestamp(since)
        found |= {root_ts: timestamp(since) for root_ts in latest if root_ts not in found}
        return dict(list(found.items())[:MAX_THREADS])

    async def _hand_in(self, intake: Intake, channel: _Channel, message: Json) -> None:
        """As if an event had told it. What only people among themselves said is not worth the way."""
        if self._left <= 0 or not self._young_enough(message):
            return
        bot = await self._api.workspaces.of(channel.workspace)
        in_thread = message.get("thread_ts") not in (None, message.get("ts"))
        if not (channel.direct or in_thread or mentions(str(message.get("text")), bot.bot_user_id)):
            return
        self._left -= 1
        event = {**message, "channel": channel.id}
        await self._inlet.message(intake, channel.workspace, event)

    def _young_enough(self, message: Json) -> bool:
        oldest = self._clock.now() - timedelta(seconds=self._max_age_s)
        ts = message.get("ts")
        return isinstance(ts, str) and is_timestamp(ts) and float(ts) >= oldest.timestamp()

    async def _politely(self, method: str, workspace: str) -> None:
        """Leave some calls to those who wait for an answer now."""
        while self._api.pacing.spare(method, workspace) < LEFT_TO_OTHERS:
            await self._clock.sleep(1.0)

    async def _patiently(self, method: str, workspace: str, **arguments: Any) -> Json:
        for _ in range(TRIES):
            try:
                return await self._api.call(method, workspace, **arguments)
            except PlatformBusy as error:
                await self._wait(error)
        return await self._api.call(method, workspace, **arguments)

    async def _wait(self, error: PlatformBusy) -> None:
        await self._clock.sleep(min(error.retry_after_s, LONGEST_WAIT_S))
