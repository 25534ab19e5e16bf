"""Answers by response address: the only way to speak where the bot is no member of the channel.

With a slash command or a shortcut comes an address that takes up to five messages within half an hour
(https://docs.slack.dev/interactivity/handling-user-interaction#message_responses). What is sent there for
one person alone needs no membership.
"""

from datetime import timedelta
from typing import Final

import aiohttp

from adapters.slack.api import Connection
from adapters.slack.errors import of_status, translated
from adapters.slack.keepsakes import Keepsakes
from adapters.slack.payloads import Json
from bot.ports import AdapterStore
from bot.vocabulary import Clock, Thread

AGE: Final = timedelta(minutes=29)
PREFIX: Final = "response."


def is_response(message_id: str) -> bool:
    """Whether this stands for a message that was sent to a response address."""
    return message_id.startswith(PREFIX)


class Responses:
    """Keeps the address that came with a thread's question, for all replicas."""

    def __init__(self, *, connection: Connection, store: AdapterStore, clock: Clock) -> None:
        self.kept = Keepsakes("response", store=store, clock=clock, age=AGE)
        self._connection = connection

    async def remember(self, thread: Thread, url: str) -> None:
        """An answer to this thread may be sent there. Raises `PlatformUnavailable`."""
        await self.kept.keep(thread.key, {"url": url, "sent": []})

    async def known(self, thread: Thread) -> bool:
        """Whether there is an address for this thread. Raises `PlatformUnavailable`."""
        return await self.kept.recall(thread.key) is not None

    async def was_sent(self, thread: Thread, mark: str) -> bool:
        """Whether the message with this mark was sent there. Raises `PlatformUnavailable`."""
        kept = await self.kept.recall(thread.key)
        return kept is not None and mark in kept["sent"]

    async def send(self, thread: Thread, mark: str, content: Json) -> bool:
        """Show it to the asker alone; false if there is no address. The same mark is sent once.

        Raises:
            PlatformError: it could not be sent.
        """
        kept = await self.kept.recall(thread.key)
        if kept is None:
            return False
        if mark in kept["sent"]:
            return True
        # Noted before it is sent: shown twice would be worse than a message lost with its connection.
        await self.kept.keep(thread.key, {**kept, "sent": [*kept["sent"], mark]})
        await self._post(str(kept["url"]), {"response_type": "ephemeral", **content})
        return True

    async def _post(self, url: str, body: Json) -> None:
        try:
            async with self._connection.session.post(
                url, json=dict(body), proxy=self._connection.proxy
            ) as response:
                if response.status != 200:
                    raise of_status(response.status, "response_url")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise translated(error, "response_url") from error
