"""Who people are: names and roles, asked for when they are needed and kept for a while."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from adapters.slack.api import SlackApi
from adapters.slack.payloads import object_in
from adapters.slack.streams import Recipient
from bot.ports import PlatformError
from bot.vocabulary import Clock, Message, Newest, Person

log = structlog.get_logger(__name__)

KEPT_S: Final = 3600.0
MAX_KEPT: Final = 5_000
MAX_MENTIONS: Final = 20
"""So many people are looked up for one message; others stay ids."""

_USER: Final = re.compile(r"<@([UW][A-Z0-9]+)>")
_CHANNEL: Final = re.compile(r"<#([CGD][A-Z0-9]+)>")


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody, as Slack tells of them; `team` is the workspace they belong to."""

    name: str
    admin: bool = False
    team: str = ""


class People:
    """Looks people up, each once in a while."""

    def __init__(self, *, api: SlackApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._known = Newest[tuple[str, str], tuple[Known, float]](MAX_KEPT)
        self._asking: dict[tuple[str, str], asyncio.Task[Known]] = {}
        self._askers = Newest[str, Recipient](MAX_KEPT)

    async def introduce(self, message: Message) -> Message:
        """The message with its author's name and role, and with names where ids were mentioned.

        Raises:
            PlatformError: the author can't be looked up.
        """
        workspace = message.thread.channel.workspace
        author, text = await asyncio.gather(
            self.known(workspace, message.author.id), self.named(workspace, message.text)
        )
        self._askers[message.thread.key] = Recipient(message.author.id, author.team or workspace)
        self._askers.move_to_end(message.thread.key)
        person = Person(message.author.id, author.name, author.admin)
        return replace(message, author=person, text=text)

    async def named(self, workspace: str, text: str) -> str:
        """The text with the names of the people and channels that it mentions by id."""
        users = dict.fromkeys(_USER.findall(text))
        channels = dict.fromkeys(_CHANNEL.findall(text))
        names = await asyncio.gather(
            *(self._name(workspace, user) for user in list(users)[:MAX_MENTIONS]),
            *(self._channel_name(workspace, each) for each in list(channels)[:MAX_MENTIONS]),
        )
        found = {known: name for known, name in names if name}
        text = _USER.sub(lambda m: f"@{found[m[1]]}" if m[1] in found else m[0], text)
        return _CHANNEL.sub(lambda m: f"#{found[m[1]]}" if m[1] in found else m[0], text)

    async def known(self, workspace: str, user: str) -> Known:
        """Who this is. Raises `PlatformError`."""
        key, now = (workspace, user), self._clock.monotonic()
        kept = self._known.get(key)
        if kept is not None and kept[1] > now:
            return kept[0]
        asking = self._asking.get(key)
        if asking is None:  # many may want to know at once; one asks
            asking = asyncio.create_task(self._ask(key), name="slack users.info")
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    async def person(self, workspace: str, user: str) -> Person:
        """The same as the vocabulary has it; somebody who can't be looked up goes by the id."""
        try:
            known = await self.known(workspace, user)
        except PlatformError:
            return Person(user, user)
        return Person(user, known.name, known.admin)

    async def _ask(self, key: tuple[str, str]) -> Known:
        workspace, user = key
        told = await self._api.call("users.info", workspace, user=user)
        known = _read(told.get("user"), user)
        self._keep(key, known)
        return known

    def asker(self, thread_key: str) -> Recipient | None:
        """Who asked in a thread last, as far as it was answered here."""
        return self._askers.get(thread_key)

    async def _name(self, workspace: str, user: str) -> tuple[str, str | None]:
        try:
            return user, (await self.known(workspace, user)).name
        except PlatformError as error:
            log.debug("a mentioned person could not be looked up", error=str(error))
            return user, None

    async def _channel_name(self, workspace: str, channel: str) -> tuple[str, str | None]:
        key, now = (workspace, channel), self._clock.monotonic()
        kept = self._known.get(key)
        if kept is not None and kept[1] > now:
            return channel, kept[0].name
        try:
            told = await self._api.call("conversations.info", workspace, channel=channel)
        except PlatformError as error:
            log.debug("a mentioned channel could not be looked up", error=str(error))
            return channel, None
        found = told.get("channel")
        name = str(found.get("name") or "") if isinstance(found, Mapping) else ""
        if name:
            self._keep(key, Known(name))
        return channel, name or None

    def _keep(self, key: tuple[str, str], known: Known) -> None:
        self._known[key] = (known, self._clock.monotonic() + KEPT_S)


def _read(user: object, user_id: str) -> Known:
    if not isinstance(user, Mapping):
        return Known(user_id)
    profile = object_in(user.get("profile"))
    names = (
        profile.get("display_name"),
        user.get("real_name"),
        profile.get("real_name"),
        user.get("name"),
    )
    return Known(
        name=next((str(name) for name in names if name), user_id),
        admin=bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner")),
        team=str(user.get("team_id") or ""),
    )
