"""What was said in Slack, read back page by page and within bounds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from adapters.slack.api import SlackApi
from adapters.slack.errors import Refused
from adapters.slack.payloads import Json, object_in, objects_in

PAGE: Final = 200
"""https://docs.slack.dev/reference/methods/conversations.replies recommends no more."""

MAX_PAGES: Final = 10


def timestamp(when: datetime) -> str:
    """An instant as Slack writes it."""
    return f"{when.timestamp():.6f}"


class Past:
    """Reads channels and threads."""

    def __init__(self, *, api: SlackApi) -> None:
        self._api = api

    async def thread(
        self,
        workspace: str,
        channel: str,
        root_ts: str,
        *,
        oldest: str | None = None,
        latest: str | None = None,
        with_metadata: bool = False,
        max_pages: int = MAX_PAGES,
    ) -> list[Json]:
        """The first message of a thread and its replies, oldest first; nothing if it is gone.

        Raises:
            PlatformError: it can't be read.
        """
        arguments = {"ts": root_ts, "oldest": oldest, "latest": latest}
        try:
            found = await self._pages(
                "conversations.replies", workspace, channel, arguments, with_metadata, max_pages
            )
        except Refused as error:
            if error.code in ("thread_not_found", "message_not_found"):
                return []
            raise
        return sorted(found.values(), key=_position)

    async def channel(
        self,
        workspace: str,
        channel: str,
        *,
        oldest: str | None = None,
        with_metadata: bool = False,
        max_pages: int = MAX_PAGES,
    ) -> list[Json]:
        """What was said in a channel and in no thread, oldest first; the newest pages of it.

        Raises:
            PlatformError: it can't be read.
        """
        found = await self._pages(
            "conversations.history",
            workspace,
            channel,
            {"oldest": oldest},
            with_metadata,
            max_pages,
        )
        return sorted(found.values(), key=_position)

    async def _pages(
        self,
        method: str,
        workspace: str,
        channel: str,
        arguments: Mapping[str, str | None],
        with_metadata: bool,
        max_pages: int,
    ) -> dict[str, Json]:
        found: dict[str, Json] = {}
        cursor: str | None = None
        for _ in range(max_pages):
            page = await self._api.call(
                method,
                workspace,
                channel=channel,
                cursor=cursor,
                limit=PAGE,
                include_all_metadata=with_metadata,
                **arguments,
            )
            for message in objects_in(page.get("messages")):
                found[str(message.get("ts", ""))] = message
            cursor = next_cursor(page)
            if cursor is None:
                break
        return found


def next_cursor(page: Json) -> str | None:
    """Where the next page begins; None if there is none."""
    return str(object_in(page.get("response_metadata")).get("next_cursor") or "") or None


def _position(message: Json) -> float:
    try:
        return float(message.get("ts", 0))
    except (TypeError, ValueError):
        return 0.0
