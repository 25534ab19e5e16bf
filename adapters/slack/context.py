"""What was said in a thread before the bot came to it: who said what, other bots too."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from adapters.slack.api import SlackApi
from adapters.slack.attachments import attachments_of
from adapters.slack.inbound_text import typed
from adapters.slack.parse import is_by_bot
from adapters.slack.past import Past
from adapters.slack.payloads import Json
from adapters.slack.people import People
from adapters.slack.places import Place, is_timestamp
from adapters.slack.rich_text import text_of
from bot.vocabulary import Message, Person

MAX_MESSAGES: Final = 100
"""The newest ones: what is older is seldom what a question is about."""

_UNSAID: Final = frozenset({"tombstone", "channel_join", "channel_leave", "group_join"})


class Context:
    """Reads threads that people had before."""

    def __init__(self, *, api: SlackApi, past: Past, people: People) -> None:
        self._api = api
        self._past = past
        self._people = people

    async def before(self, message: Message, place: Place) -> Sequence[Message]:
        """What was said before a message, oldest first, at most `MAX_MESSAGES`.

        Raises:
            PlatformError: it can't be read.
        """
        if place.thread_ts is None or place.thread_ts == message.id:
            return ()
        bot = await self._api.workspaces.of(place.workspace)
        latest = message.id if is_timestamp(message.id) else None
        said = await self._past.thread(
            place.workspace, place.channel, place.thread_ts, latest=latest
        )
        earlier = [
            each
            for each in said
            if each.get("ts") != message.id
            and each.get("subtype") not in _UNSAID
            and not is_by_bot(each, bot)
        ]
        return [await self._read(each, message) for each in earlier[-MAX_MESSAGES:]]

    async def _read(self, said: Json, message: Message) -> Message:
        workspace = message.thread.channel.workspace
        ts = str(said["ts"])
        text = await self._people.named(workspace, typed(text_of(said)))
        return Message(
            thread=message.thread,
            id=ts,
            author=await self._author(workspace, said),
            text=text,
            sent_at=datetime.fromtimestamp(float(ts), UTC),
            addressed=False,
            attachments=attachments_of(said, workspace),
        )

    async def _author(self, workspace: str, said: Json) -> Person:
        user, profile = str(said.get("user") or ""), said.get("bot_profile")
        if said.get("bot_id") or not user:
            named = profile.get("name") if isinstance(profile, Mapping) else None
            name = said.get("username") or named or "a bot"
            return Person(user or str(said.get("bot_id") or "bot"), str(name))
        return await self._people.person(workspace, user)
