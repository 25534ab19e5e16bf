"""Reports as Slack lays them out: a header, fields, lists, and the picture in the same message.

https://docs.slack.dev/reference/block-kit/blocks
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from adapters.slack.api import SlackApi
from adapters.slack.errors import Refused
from adapters.slack.mrkdwn import cut, mrkdwn
from adapters.slack.payloads import Json
from adapters.slack.places import Place
from adapters.slack.render import fallback, metadata
from adapters.slack.uploads import NotUploaded, Uploads
from bot.ports import OutgoingFile, Part
from bot.vocabulary import Card, Clock, Fact, Listing

log = structlog.get_logger(__name__)

HEADER_CHARS: Final = 150
SECTION_CHARS: Final = 3_000
FIELD_CHARS: Final = 2_000
FIELDS: Final = 10
ALT_CHARS: Final = 2_000
MAX_BLOCKS: Final = 50
WAITS_S: Final = (0.5, 1.0, 2.0)
"""A picture that was just sent can't be shown for a moment, while Slack looks at it; one that could not be
sent may be taken a moment later."""

PICTURE_S: Final = 5.0
"""A picture is given up when it takes longer: half of what the engine gives a post, which comes after."""

_NOT_YET = frozenset({"invalid_blocks", "invalid_blocks_format", "slack_file_not_found"})


def blocks_of(card: Card) -> list[Json]:
    """The card, without its picture."""
    title = {"type": "plain_text", "text": cut(card.title, HEADER_CHARS), "emoji": True}
    blocks: list[Json] = [{"type": "header", "text": title}]
    if card.lead:
        blocks.append(_section(card.lead))
    blocks += [
        {"type": "section", "fields": [_field(fact) for fact in facts]}
        for facts in _groups(card.facts)
    ]
    blocks += [_listing(listing) for listing in card.listings]
    if card.note:
        note = {"type": "mrkdwn", "text": cut(mrkdwn(card.note), FIELD_CHARS)}
        blocks.append({"type": "context", "elements": [note]})
    return blocks[: MAX_BLOCKS - 1]


def picture_block(file_id: str, picture: OutgoingFile) -> Json:
    """A picture that Slack has (https://docs.slack.dev/reference/block-kit/blocks/image-block)."""
    alt = cut(picture.alt or picture.name, ALT_CHARS)
    return {"type": "image", "slack_file": {"id": file_id}, "alt_text": alt}


class Cards:
    """Posts cards."""

    def __init__(self, *, api: SlackApi, uploads: Uploads, clock: Clock) -> None:
        self._api = api
        self._uploads = uploads
        self._clock = clock

    async def post(self, place: Place, part: Part, card: Card) -> str:
        """Post a card as one message, with its picture where there is one; the message's id."""
        pictures = await self._pictures(place, part)
        if part.picture is None or not pictures:
            return await self._post(place, part, blocks_of(card))
        blocks = [*blocks_of(card), *pictures]
        for wait_s in (*WAITS_S, None):
            try:
                return await self._post(place, part, blocks)
            except Refused as error:
                if error.code not in _NOT_YET:
                    raise
            if wait_s is not None:
                await self._clock.sleep(wait_s)
        picture = replace(part.picture, mark=part.mark)  # it is found again as this message
        return await self._beside_the_picture(place, picture, card)

    async def edit(self, place: Place, ts: str, part: Part, card: Card) -> None:
        """Bring a message to this card; a picture stays as it is, or is sent."""
        blocks = [*blocks_of(card), *await self._pictures(place, part)]
        await self._api.call(
            "chat.update", place.workspace, ts=ts, **self._told(place, part, blocks)
        )

    async def _pictures(self, place: Place, part: Part) -> list[Json]:
        """The picture, if there is one and Slack takes it: what a report says must not wait for that."""
        if part.picture is None:
            return []
        try:
            async with asyncio.timeout(PICTURE_S):
                file_id = await self._stored(place, part.picture)
        except (Refused, NotUploaded, TimeoutError) as error:
            why = str(error) or f"it took more than {PICTURE_S} s"
            log.warning("a picture is left out", team=place.workspace, error=why)
            return []
        return [picture_block(file_id, part.picture)]

    async def _stored(self, place: Place, picture: OutgoingFile) -> str:
        """Send it, and again if it did not get there: the way to that host may be barred for good."""
        for wait_s in WAITS_S:
            try:
                return await self._uploads.stored(place, picture)
            except NotUploaded:
                await self._clock.sleep(wait_s)
        return await self._uploads.stored(place, picture)

    async def _post(self, place: Place, part: Part, blocks: Sequence[Json]) -> str:
        told = self._told(place, part, blocks)
        if place.thread_ts is not None:
            told["thread_ts"] = place.thread_ts
        posted = await self._api.call(
            "chat.postMessage", place.workspace, unfurl_links=False, unfurl_media=False, **told
        )
        return str(posted["ts"])

    async def _beside_the_picture(self, place: Place, picture: OutgoingFile, card: Card) -> str:
        """The card as the words that go with a shared picture: still one message."""
        comment = cut(mrkdwn(card.markdown()), SECTION_CHARS)
        return await self._uploads.share(place, picture, comment=comment)

    @staticmethod
    def _told(place: Place, part: Part, blocks: Sequence[Json]) -> dict[str, Any]:
        return {
            "channel": place.channel,
            "text": fallback(part.markdown),
            "blocks": list(blocks),
            "metadata": metadata(part.mark),
        }


def _section(markdown: str) -> Json:
    text = {"type": "mrkdwn", "text": cut(mrkdwn(markdown), SECTION_CHARS)}
    return {"type": "section", "text": text}


def _field(fact: Fact) -> Json:
    text = f"*{mrkdwn(fact.label)}*\n{mrkdwn(fact.value)}"
    return {"type": "mrkdwn", "text": cut(text, FIELD_CHARS)}


def _listing(listing: Listing) -> Json:
    lines = "\n".join(f"• {mrkdwn(line)}" for line in listing.lines)
    text = f"*{mrkdwn(listing.heading)}*\n{lines}"
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION_CHARS)}}


def _groups(facts: Sequence[Fact]) -> list[Sequence[Fact]]:
    return [facts[start : start + FIELDS] for start in range(0, len(facts), FIELDS)]
