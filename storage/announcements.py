"""What the bot says of its own accord: durable in the inbox, and said once."""

from datetime import datetime

from sqlalchemy import Connection

from bot.vocabulary import Message
from storage import inbox, told


def announce_once(
    connection: Connection, message: Message, *, key: str, until: datetime, now: datetime
) -> bool:
    """Put an announcement into the inbox, unless one with this key was put there before `until`; true
    for whoever does."""
    if not told.tell_once(connection, key, now=now, until=until):
        return False
    if not inbox.is_known(connection, message.key):
        inbox.put(connection, message, now=now)
    return True
