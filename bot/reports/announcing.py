"""What the bot says of its own accord, as the message that goes through the inbox."""

from datetime import datetime

from bot.vocabulary import PARLEY, Card, Channel, Message, StoredFile, Thread


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
    thread = Thread.begun(channel, f"parley {channel.key} {key}")
    return Message(
        thread=thread,
        id=thread.id,
        author=PARLEY,
        text=text,
        sent_at=now,
        addressed=True,
        announcement=True,
        files=files,
        card=card,
    )
