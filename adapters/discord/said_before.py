"""What was said before the bot was called: the thread's messages, or the chain of replies."""

from typing import Final

from adapters.discord.addressing import Addressing, Me
from adapters.discord.hearing import Hearing
from adapters.discord.identity import guild_of, spot_of
from adapters.discord.parse import attachments_of, person_of, reference_of, sent_at, text_of
from adapters.discord.rest import Json, Rest
from bot.ports import MessageGone
from bot.vocabulary import ChannelKind, Message, Thread

MAX_MESSAGES: Final = 50
MAX_CHAIN: Final = 15
_STARTER: Final = 21
"""A thread's first message stands in for the one that it was opened on."""
_SAID: Final = frozenset({0, 19, 20, _STARTER, 23})
"""Messages, replies, answers to commands and to menus, and what a thread was opened on."""


class SaidBefore:
    """Reads it, for a message that calls the bot for the first time."""

    def __init__(self, *, rest: Rest, hearing: Hearing, addressing: Addressing, me: Me) -> None:
        self._rest = rest
        self._hearing = hearing
        self._addressing = addressing
        self._me = me

    async def of(self, message: Message) -> list[Message]:
        """Oldest first. Raises `PlatformError`."""
        thread, spot = message.thread, spot_of(message.thread)
        if spot.interaction_id is not None or thread.is_new:
            return []
        if thread.channel.kind is ChannelKind.DIRECT:
            return []  # the bot heard all of it
        if spot.to_be_opened and spot.channel_id != message.id:
            return await self._in_thread(spot.channel_id, message)
        return await self._chain(message)

    async def _in_thread(self, thread_id: str, message: Message) -> list[Message]:
        page = await self._rest.ask(
            "GET",
            "/channels/{channel_id}/messages",
            query={"before": message.id, "limit": str(MAX_MESSAGES)},
            channel_id=thread_id,
        )
        found = [self._said(_opened_on(each), message.thread) for each in reversed(page)]
        return [each for each in found if each is not None and each.author.id != self._me.id]

    async def _chain(self, message: Message) -> list[Message]:
        """From one message to that which it replies to, and so on. What the bot itself said there belongs
        to no conversation that it remembers, such as the answer to a call."""
        known, reference = self._addressing.replied_to(message.id)
        if not known:
            reference = reference_of(await self._message(message.thread, message.id))
        found: list[Message] = []
        while reference is not None and len(found) < MAX_CHAIN:
            try:
                data = await self._message(message.thread, reference)
            except MessageGone:
                break
            said = self._said(data, message.thread)
            if said is not None:
                found.insert(0, said)
            reference = reference_of(data)
        return found

    async def _message(self, thread: Thread, message_id: str) -> Json:
        data: Json = await self._rest.get(
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=thread.channel.id,
            message_id=message_id,
        )
        return data

    def _said(self, data: Json, thread: Thread) -> Message | None:
        """What somebody said, other bots too; None if it says nothing."""
        if data.get("type", 0) not in _SAID:
            return None
        guild_id = guild_of(thread.channel)
        text = text_of(data, self._hearing.names({**data, "guild_id": guild_id}))
        files = attachments_of(data)
        if not text and not files:
            return None
        return Message(
            thread=thread,
            id=str(data["id"]),
            author=person_of(data, None),
            text=text,
            sent_at=sent_at(data),
            addressed=False,
            attachments=files,
        )


def _opened_on(data: Json) -> Json:
    original: Json | None = data.get("referenced_message")
    return original if data.get("type") == _STARTER and original else data
