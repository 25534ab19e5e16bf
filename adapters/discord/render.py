"""What the bot says, as requests to Discord.

https://discord.com/developers/docs/resources/message#create-message
"""

from typing import Any, Final

from adapters.discord.cards import card_content, card_embed
from adapters.discord.controls import components_of, said_by
from adapters.discord.identity import Spot
from adapters.discord.mentions import mentioned_users
from bot.ports import OutgoingFile, Part
from bot.vocabulary import Thread

MAX_CHARS: Final = 2_000
"""Characters of a message's content, counted as Unicode code points."""
MAX_ALT_CHARS: Final = 1_024
MAX_MENTIONS: Final = 100
SILENT: Final = 1 << 12
"""The flag of a message that makes no sound (…/message#message-object-message-flags)."""

Json = dict[str, Any]


def nobody() -> Json:
    """A text may name everybody; nobody is pinged by it."""
    return {"parse": [], "replied_user": False}


def content_of(thread: Thread, part: Part) -> Json:
    """What a message shows, for a new one and for an edit."""
    text = part.markdown if part.card is None else card_content(part.card)
    allowed = [each for each in mentioned_users(text) if each in part.may_mention]
    body: Json = {
        "content": text,
        "components": components_of(thread, part),
        "allowed_mentions": {**nobody(), "users": allowed[:MAX_MENTIONS]},
    }
    if part.card is not None:
        body["embeds"] = [card_embed(part.card, picture=part.picture)]
    if part.picture is not None:
        body["attachments"] = [described(part.picture)]
    return body


def files_of(part: Part) -> list[OutgoingFile]:
    """What goes along with a message that shows a part."""
    return [part.picture] if part.picture else []


def described(file: OutgoingFile) -> Json:
    """A file of this request, with what is said of it to who can't see it."""
    found: Json = {"id": 0, "filename": file.name}
    if file.alt:
        found["description"] = file.alt[:MAX_ALT_CHARS]
    return found


def reference_to(spot: Spot, answers: str | None) -> Json:
    """Makes a message a reply to the one it answers; a deleted one is no obstacle."""
    target = answers if answers is not None and answers.isdecimal() else spot.root_id
    if not spot.replies or target is None or not target.isdecimal():
        return {}
    return {
        "message_reference": {
            "message_id": target,
            "channel_id": spot.channel_id,
            "fail_if_not_exists": False,
        }
    }


def once(nonce: str) -> Json:
    """Makes Discord return the first message of that nonce rather than make another, for some minutes."""
    return {"nonce": nonce, "enforce_nonce": True}


def shows(message: Json, body: Json) -> bool:
    """Whether a message shows what was asked for; Discord trims white space."""
    if str(message.get("content") or "").strip() != str(body.get("content") or "").strip():
        return False
    wanted = body.get("components") or []
    return said_by(message.get("components", wanted) or []) == said_by(wanted)
