"""What the bot says of its own accord, as the message that goes through the inbox."""

import hashlib
from datetime import datetime

from bot.vocabulary import Card, Channel, Message, Person, StoredFile, Thread

PARLEY = Person("parley", "Parley")
"""The author of announcements."""


def announcement(
    channel: Channel,
    text: str,
    *,
    key: str,
    now: datetime,
    files: tuple[StoredFile, ...] = (),
    card: Card | None = None,
) -> Message:
    """An announcement that begins a thread of its own. With the same key it is the same message, which
    the inbox takes once."""
    digest = hashlib.sha256(f"parley {channel.key} {key}".encode()).hexdigest()
    name = f"+{digest[:24]}"
    return Message(
        thread=Thread(channel, name),
        id=name,
        author=PARLEY,
        text=text,
        sent_at=now,
        addressed=True,
        announcement=True,
        files=files,
        card=card,
    )
