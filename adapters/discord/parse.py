"""What a message of Discord's says: its author, its text, its files.

https://discord.com/developers/docs/resources/message#message-object
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from discord.utils import snowflake_time

from adapters.discord.mentions import Names, readable, without_address
from adapters.discord.places import Guild
from bot.vocabulary import Attachment, Person

_SAID: Final = frozenset({0, 19})
"""Ordinary messages and replies; all others are Discord's own or belong to a bot's command."""
_FORWARD: Final = 1

Payload = Mapping[str, Any]


def guild_id_of(data: Payload) -> str | None:
    """The server in which something happened; None for a direct message."""
    guild_id = data.get("guild_id")
    return None if guild_id is None else str(guild_id)


def said_by_person(data: Payload) -> bool:
    """A person said it: no bot, no webhook, and not Discord itself."""
    author = data.get("author") or {}
    automatic = author.get("bot") or author.get("system") or data.get("webhook_id")
    return data.get("type", 0) in _SAID and not automatic


def sent_at(data: Payload) -> datetime:
    """When a message was sent; its id tells that too."""
    try:
        return datetime.fromisoformat(str(data.get("timestamp"))).astimezone(UTC)
    except ValueError:
        return snowflake_time(int(data["id"]))


def name_of(user: Payload, member: Payload | None = None) -> str:
    """What others see somebody called: here, everywhere, or at least by the account's name."""
    nick = (member or {}).get("nick")
    return str(nick or user.get("global_name") or user.get("username") or user.get("id"))


def person_of(data: Payload, guild: Guild | None) -> Person:
    """The author of a message or the user of an interaction, as far as the event tells."""
    member = data.get("member") or {}
    user = data.get("author") or data.get("user") or member.get("user") or {}
    admin = guild is not None and guild.may_manage(str(user["id"]), member.get("roles") or ())
    return Person(str(user["id"]), name_of(user, member), admin=admin)


def user_names(data: Payload) -> dict[str, str]:
    """The names of those a message mentions, by their ids."""
    return {
        str(user["id"]): name_of(user, user.get("member")) for user in data.get("mentions") or ()
    }


def text_of(data: Payload, names: Names, *, own: Collection[str] = ()) -> str:
    """What a message says, readable, without the address in `own`; forwards, stickers and polls are
    described."""
    content = str(data.get("content") or "")
    if own:
        content = without_address(content, own) or (content.strip() if _bare(data) else "")
    pieces = [readable(content, names), *_extras(data, names)]
    return "\n\n".join(piece for piece in pieces if piece)


def attachments_of(data: Payload) -> tuple[Attachment, ...]:
    """The files of a message, forwarded ones too."""
    found = [*(data.get("attachments") or ())]
    for snapshot in _forwarded(data):
        found += snapshot.get("attachments") or ()
    return tuple(_attachment(each) for each in found)


def _attachment(data: Payload) -> Attachment:
    media_type, _, _ = str(data.get("content_type") or "").partition(";")
    return Attachment(
        name=str(data.get("filename") or "file"),
        media_type=media_type or "application/octet-stream",
        size_bytes=int(data.get("size") or 0),
        source=str(data.get("url") or ""),
    )


def says_nothing(data: Payload) -> bool:
    """There is nothing in it, or the bot may not see what there is."""
    return not (
        data.get("content")
        or data.get("attachments")
        or data.get("sticker_items")
        or data.get("poll")
        or data.get("message_snapshots")
    )


def reference_of(data: Payload) -> str | None:
    """The message that this one replies to; a forward replies to nothing."""
    reference = data.get("message_reference") or {}
    if reference.get("type", 0) == _FORWARD or reference.get("message_id") is None:
        return None
    return str(reference["message_id"])


def _bare(data: Payload) -> bool:
    """Nothing but the address: it stays, so that something was said."""
    return not (data.get("attachments") or data.get("sticker_items") or data.get("poll"))


def _extras(data: Payload, names: Names) -> Iterable[str]:
    for snapshot in _forwarded(data):
        quoted = readable(str(snapshot.get("content") or ""), names).replace("\n", "\n> ")
        yield f"[forwarded message]\n> {quoted}" if quoted else "[forwarded message]"
    for sticker in data.get("sticker_items") or ():
        yield f"[sticker: {sticker.get('name')}]"
    if data.get("poll"):
        yield _poll(data["poll"])
    if not data.get("content") and (data.get("author") or {}).get("bot"):
        yield from (_embed(embed) for embed in data.get("embeds") or ())


def _forwarded(data: Payload) -> list[Payload]:
    return [each.get("message") or {} for each in data.get("message_snapshots") or ()]


def _poll(poll: Payload) -> str:
    question = (poll.get("question") or {}).get("text") or ""
    answers = [(each.get("poll_media") or {}).get("text") or "" for each in poll["answers"]]
    return "\n".join((f"[poll: {question}]", *(f"- {answer}" for answer in answers)))


def _embed(embed: Payload) -> str:
    return "\n".join(str(embed[key]) for key in ("title", "description") if embed.get(key))
