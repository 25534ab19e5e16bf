"""Slash commands: `/parley ask …`, and those that the app declares for single commands of the bot's.

https://docs.slack.dev/interactivity/implementing-slash-commands. A command becomes a message, `/name …`, in
a thread of its own, so that it is answered like any other.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.slack.inbound_text import typed
from adapters.slack.payloads import Json
from adapters.slack.places import DIRECT, channel_of
from bot.ports import CommandOffer
from bot.vocabulary import ChannelKind, Message, Person, Thread

ASK: Final = "ask"
HELP: Final = "help"


@dataclass(frozen=True, slots=True)
class Called:
    """A slash command that somebody used. `private`: only they are to see what comes of it."""

    message: Message
    response_url: str
    private: bool


def called(
    body: Json, *, workspace: str, offers: Collection[CommandOffer], now: datetime
) -> Called | None:
    """What a slash command asks for; None if it is not understood."""
    fields = (body.get("channel_id"), body.get("user_id"), body.get("trigger_id"))
    channel_id, user_id, trigger = (str(each or "") for each in fields)
    if not (channel_id and user_id and trigger) or ":" in channel_id + trigger:
        return None
    text = _text(str(body.get("command") or ""), typed(str(body.get("text") or "")), offers)
    channel = channel_of(workspace, channel_id)
    direct = channel.kind is ChannelKind.DIRECT
    message = Message(
        thread=Thread(channel, DIRECT if direct else f"+{trigger}"),
        id=f"slash-{trigger}",
        author=Person(user_id, str(body.get("user_name") or user_id)),
        text=text,
        sent_at=now,
        addressed=True,
    )
    return Called(message, str(body.get("response_url") or ""), _is_private(text, offers))


def _text(command: str, rest: str, offers: Collection[CommandOffer]) -> str:
    """The message that a command is: `/name …`, or a question."""
    names = {offer.name for offer in offers}
    own = command.removeprefix("/").lower()
    if own in names:
        return f"/{own} {rest}".rstrip()
    first, _, remainder = rest.strip().partition(" ")
    word = first.removeprefix("/").lower()
    if not first:
        return f"/{HELP}"
    if word in names:
        return f"/{word} {remainder}".rstrip()
    if word == ASK and remainder.strip():
        return remainder.strip()
    if not remainder and not first.endswith("?"):
        return f"/{word}"  # nearly a command, perhaps: the bot knows better
    return rest


def _is_private(text: str, offers: Collection[CommandOffer]) -> bool:
    name = text.removeprefix("/").partition(" ")[0]
    return text.startswith("/") and any(o.private for o in offers if o.name == name)
