"""Commands that are called and buttons that are pressed.

An interaction must be answered within three seconds and is never sent again
(https://discord.com/developers/docs/interactions/receiving-and-responding). So it is acknowledged at
once, and beside that handed in until it is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from adapters.discord.calls import Call, Calls
from adapters.discord.commands import ASK_ABOUT, private_commands
from adapters.discord.controls import pressed
from adapters.discord.identity import direct_thread, discord_thread, interaction_thread
from adapters.discord.mentions import Names
from adapters.discord.parse import attachments_of, guild_id_of, name_of, sent_at, text_of
from adapters.discord.places import ADMINISTRATOR, MANAGE_GUILD, THREADS, Places
from adapters.discord.rest import Json, Rest
from bot.ports import CommandOffer, PlatformError
from bot.vocabulary import Attachment, Event, Message, MessageReceived, Person, Thread

log = structlog.get_logger(__name__)

EPHEMERAL: Final = 1 << 6
_COMMAND: Final = 2
_COMPONENT: Final = 3
_MESSAGE_MENU: Final = 3
_DEFERRED_MESSAGE: Final = 5
_DEFERRED_UPDATE: Final = 6

HandIn = Callable[[Event], Awaitable[None]]


class Interactions:
    """Acknowledges interactions, and makes events of them."""

    def __init__(
        self,
        *,
        rest: Rest,
        places: Places,
        calls: Calls,
        offers: Callable[[], Sequence[CommandOffer]],
    ) -> None:
        self._rest = rest
        self._places = places
        self._calls = calls
        self._offers = offers

    async def take(self, data: Json, hand_in: HandIn) -> None:
        """Handle one."""
        kind = data.get("type")
        if kind == _COMMAND:
            await self._command(data, hand_in)
        elif kind == _COMPONENT:
            await self._component(data, hand_in)

    async def _component(self, data: Json, hand_in: HandIn) -> None:
        acknowledging = asyncio.create_task(self._respond(data, {"type": _DEFERRED_UPDATE}))
        button = pressed(str(data["data"].get("custom_id") or ""))
        event = None if button is None else button.event(guild_id_of(data), caller_of(data))
        if event is not None:
            await hand_in(event)
        await acknowledging

    async def _command(self, data: Json, hand_in: HandIn) -> None:
        thread, about = self._thread(data), self._about(data)
        private = data["data"].get("name") in private_commands(self._offers())
        response: Json = {"type": _DEFERRED_MESSAGE}
        if private:
            response["data"] = {"flags": EPHEMERAL}
        acknowledging = asyncio.create_task(self._respond(data, response))
        call = Call(
            token=str(data["token"]),
            application_id=str(data["application_id"]),
            channel_id=str(data["channel_id"]),
            person_id=caller_of(data).id,
            private=private,
            called_at=sent_at(data),
        )
        await self._calls.keep(str(data["id"]), call, acknowledging)
        await hand_in(MessageReceived(replace(_message(data, thread), about=about)))
        await acknowledging

    def _thread(self, data: Json) -> Thread:
        """A command called in a thread of Discord's is counted under the channel it hangs on."""
        channel_id = self._parent(data) or str(data["channel_id"])
        return interaction_thread(guild_id_of(data), channel_id, str(data["id"]))

    def _about(self, data: Json) -> Thread | None:
        """The conversation that it was called in: direct messages, or a thread of Discord's."""
        guild_id, parent_id = guild_id_of(data), self._parent(data)
        if guild_id is None:
            return direct_thread(str(data["channel_id"]))
        if parent_id is None:
            return None
        return discord_thread(guild_id, parent_id, str(data["channel_id"]))

    def _parent(self, data: Json) -> str | None:
        channel = data.get("channel") or {}
        place = self._places.known_place(str(data["channel_id"]))
        parent = channel.get("parent_id") if int(channel.get("type", 0)) in THREADS else None
        if parent is None and place is not None and place.is_thread:
            parent = place.parent_id
        return None if parent is None else str(parent)

    async def _respond(self, data: Json, response: Json) -> None:
        try:
            await self._rest.ask(
                "POST",
                "/interactions/{interaction_id}/{interaction_token}/callback",
                body=response,
                interaction_id=str(data["id"]),
                interaction_token=str(data["token"]),
            )
        except PlatformError as error:
            log.warning("an interaction was not acknowledged", error=str(error))


def caller_of(data: Json) -> Person:
    """Who called or pressed; the event tells what they may do."""
    member = data.get("member") or {}
    user = member.get("user") or data.get("user") or {}
    rights = int(member.get("permissions") or 0) if guild_id_of(data) is not None else 0
    return Person(
        str(user["id"]),
        name_of(user, member),
        admin=bool(rights & (ADMINISTRATOR | MANAGE_GUILD)),
    )


def command_line(data: Mapping[str, Any]) -> str:
    """The call as a person would have typed it: `/name first "second one" and the rest`."""
    options = [*(data.get("options") or ())]
    words = [_word(each.get("value"), last=each is options[-1]) for each in options]
    return " ".join((f"/{data['name']}", *words))


def _word(value: object, *, last: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if last or not (" " in text or text[:1] in ("'", '"') or not text):
        return text
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"


def _message(data: Json, thread: Thread) -> Message:
    text, files = command_line(data["data"]), tuple[Attachment, ...]()
    if data["data"].get("type") == _MESSAGE_MENU and data["data"].get("name") == ASK_ABOUT:
        text, files = _asked_about(data["data"])
    return Message(
        thread=thread,
        id=str(data["id"]),
        author=caller_of(data),
        text=text,
        sent_at=sent_at(data),
        addressed=True,
        attachments=files,
    )


def _asked_about(data: Json) -> tuple[str, tuple[Attachment, ...]]:
    """The message that was pointed at, as a question."""
    messages = (data.get("resolved") or {}).get("messages") or {}
    target = messages.get(str(data.get("target_id"))) or {}
    said = text_of(target, Names({}))
    author = name_of(target.get("author") or {"id": "somebody"})
    quoted = "\n".join(f"> {line}" for line in said.splitlines())
    return f"What about this message by {author}?\n\n{quoted}".strip(), attachments_of(target)
