"""What was said while nobody listened: looked for once, where the bot takes part."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from discord.utils import time_snowflake

from adapters.discord.identity import PLATFORM, guild_of, spot_of
from adapters.discord.pacing import Urgency
from adapters.discord.places import Places
from adapters.discord.rest import Json, Rest
from bot.ports import (
    AdapterStore,
    Intake,
    IntakeUnavailable,
    KnownThread,
    PlatformBusy,
    PlatformError,
    PlatformUnavailable,
)
from bot.vocabulary import ChannelKind, Clock

log = structlog.get_logger(__name__)

MARGIN_S: Final = 15.0
"""Looked back further than what was heard last: clocks differ, and duplicates are dropped."""
MAX_CHANNELS: Final = 500
PAGE: Final = 100
MAX_PAGES: Final = 5
AGAIN_S: Final = 1.0
ATTEMPTS: Final = 4
AT_ONCE: Final = 4

Take = Callable[[Json, str | None], Awaitable[bool]]


class Heard:
    """Until when a shard's events are known to have been handed in; kept in the store."""

    def __init__(self, *, store: AdapterStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def everything(self, number: int, count: int) -> None:
        """Everything up to now was heard."""
        try:
            await self._store.set(_key(number, count), self._clock.now().isoformat())
        except IntakeUnavailable:
            return  # then more is looked through than would be needed

    async def until(self, number: int, count: int) -> datetime | None:
        """Until when. Raises `IntakeUnavailable`."""
        found = await self._store.get(_key(number, count))
        return None if found is None else datetime.fromisoformat(found)


class CatchUp:
    """Looks for what was missed, in direct messages, in threads, and in channels the bot has spoken in."""

    def __init__(
        self,
        *,
        rest: Rest,
        intake: Intake,
        heard: Heard,
        places: Places,
        take: Take,
        clock: Clock,
        max_age_s: float,
    ) -> None:
        self._rest = rest
        self._intake = intake
        self._heard = heard
        self._places = places
        self._take = take
        self._clock = clock
        self._max_age = timedelta(seconds=max_age_s)

    async def run(self, number: int, count: int) -> bool:
        """Look for what a shard missed; false if something could not be looked at for now. What may not
        be read is passed over."""
        now = self._clock.now()
        oldest = now - self._max_age
        try:
            until = await self._heard.until(number, count)
            known = await self._intake.known_threads(PLATFORM, since=oldest)
        except IntakeUnavailable as error:
            log.warning("what was missed can't be looked for now", error=str(error))
            return False
        since = oldest if until is None else max(oldest, until - timedelta(seconds=MARGIN_S))
        after = time_snowflake(since)
        channels = channels_to_look_through(known, number, count)
        at_once = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(
            *(self._look(each, guild, after, at_once) for each, guild in channels.items())
        )
        messages = sum(each for each in found if each is not None)
        log.info("caught up", shard=number, channels=len(channels), messages=messages)
        return None not in found

    async def _look(
        self, channel_id: str, guild_id: str | None, after: int, at_once: asyncio.Semaphore
    ) -> int | None:
        """Hand in what was said in a channel; how many messages were the bot's business. None if Discord
        could not tell."""
        found = 0
        async with at_once:
            try:
                async for message in self._said(channel_id, after):
                    whole = await self._whole(message, guild_id)
                    found += await self._take(whole, guild_id)
            except (PlatformBusy, PlatformUnavailable) as error:
                log.warning("what was missed is looked for later", error=str(error))
                return None
            except PlatformError as error:
                log.info("nothing to catch up with here", channel=channel_id, error=str(error))
        return found

    async def _said(self, channel_id: str, after: int) -> AsyncIterator[Json]:
        """The messages after that one, oldest first."""
        for _ in range(MAX_PAGES):
            page = await self._page(channel_id, after)
            for message in sorted(page, key=lambda each: int(each["id"])):
                yield message
                after = int(message["id"])
            if len(page) < PAGE:
                return

    async def _page(self, channel_id: str, after: int) -> Sequence[Json]:
        """One request, tried a few times: whoever comes back after an outage is not alone."""
        failures = 0
        while True:
            try:
                page: Sequence[Json] = await self._rest.ask(
                    "GET",
                    "/channels/{channel_id}/messages",
                    query={"after": str(after), "limit": str(PAGE)},
                    urgency=Urgency.BACKGROUND,
                    channel_id=channel_id,
                )
                return page
            except (PlatformBusy, PlatformUnavailable) as error:
                failures += 1
                if failures == ATTEMPTS:
                    raise
                pause_s = error.retry_after_s if isinstance(error, PlatformBusy) else AGAIN_S
            await self._clock.sleep(pause_s)

    async def _whole(self, message: Json, guild_id: str | None) -> Json:
        """A message read by request lacks what its author may do, which an event would tell."""
        if guild_id is None or message["author"].get("bot"):
            return message
        try:
            member = await self._places.member(guild_id, str(message["author"]["id"]))
        except PlatformError:
            return {**message, "guild_id": guild_id}
        return {**message, "guild_id": guild_id, "member": member}


def channels_to_look_through(
    known: Sequence[KnownThread], number: int, count: int
) -> dict[str, str | None]:
    """The channels and threads to look through, with their guilds; those heard of last come first."""
    found: dict[str, str | None] = {}
    for each in known:
        guild_id = guild_of(each.thread.channel)
        if shard_of(guild_id, count) != number:
            continue
        found.setdefault(spot_of(each.thread).channel_id, guild_id)
        if each.thread.channel.kind is not ChannelKind.DIRECT:
            found.setdefault(each.thread.channel.id, guild_id)
        if len(found) >= MAX_CHANNELS:
            break
    return found


def shard_of(guild_id: str | None, count: int) -> int:
    """https://discord.com/developers/docs/events/gateway#sharding"""
    return 0 if guild_id is None else (int(guild_id) >> 22) % count


def _key(number: int, count: int) -> str:
    return f"heard {number} of {count}"
