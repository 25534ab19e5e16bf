"""Sending files: asked for an address, sent there, completed, and found again.

https://docs.slack.dev/messaging/working-with-files#uploading_files. A file's id is known before anybody
can see it, and is kept under the mark: so a crash at any moment leaves the file there once.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import aiohttp

from adapters.slack.api import SlackApi
from adapters.slack.errors import Refused, of_status, translated
from adapters.slack.harmless import harmless
from adapters.slack.keepsakes import Keepsakes
from adapters.slack.payloads import Json
from adapters.slack.places import Place
from bot.ports import AdapterStore, OutgoingFile, PlatformError, PlatformUnavailable
from bot.vocabulary import Clock

AGE: Final = timedelta(days=2)
LOOKS: Final = 6
FIRST_LOOK_S: Final = 0.2
FILE_PREFIX: Final = "file."


class NotUploaded(PlatformUnavailable):
    """The place where Slack takes content, a host of its own, could not be reached or failed."""


def is_file(message_id: str) -> bool:
    """Whether this stands for a shared file whose message Slack would not tell."""
    return message_id.startswith(FILE_PREFIX)


class Uploads:
    """Sends files, each once."""

    def __init__(self, *, api: SlackApi, store: AdapterStore, clock: Clock) -> None:
        self.kept = Keepsakes("file", store=store, clock=clock, age=AGE)
        self._api = api
        self._clock = clock

    async def share(self, place: Place, file: OutgoingFile, *, comment: str = "") -> str:
        """Send a file as a message of its own, with words in Slack's markup; the message's id.

        Raises:
            PlatformError: it could not be sent.
        """
        file_id = await self.upload(place, file)
        await self.kept.keep(self._key(place, file.mark), {"id": file_id})
        await self._complete(place, file_id, file, comment=comment, shared=True)
        return await self._message_of(place, file_id) or f"{FILE_PREFIX}{file_id}"

    async def stored(self, place: Place, file: OutgoingFile) -> str:
        """Send a file that no message shows yet; its id. Raises `PlatformError`."""
        file_id = await self.upload(place, file)
        await self._complete(place, file_id, file, comment="", shared=False)
        return file_id

    async def find(self, place: Place, mark: str) -> str | None:
        """The message that shows the file with this mark. Raises `PlatformError`."""
        kept = await self.kept.recall(self._key(place, mark))
        return None if kept is None else await self._shown_in(place, str(kept["id"]))

    async def upload(self, place: Place, file: OutgoingFile) -> str:
        """Bring a file's content to Slack; its id. Nobody sees it before it is completed."""
        given = await self._api.call(
            "files.getUploadURLExternal",
            place.workspace,
            filename=file.name,
            length=len(file.content),
            alt_txt=file.alt or None,
        )
        await self._send(str(given["upload_url"]), file)
        return str(given["file_id"])

    async def _complete(
        self, place: Place, file_id: str, file: OutgoingFile, *, comment: str, shared: bool
    ) -> None:
        where: dict[str, str | None] = {}
        if shared:
            where = {"channel_id": place.channel, "thread_ts": place.thread_ts}
        await self._api.call(
            "files.completeUploadExternal",
            place.workspace,
            files=[{"id": file_id, "title": harmless(file.name)}],
            initial_comment=comment or None,
            **where,
        )

    async def _send(self, url: str, file: OutgoingFile) -> None:
        connection = self._api.connection
        try:
            async with connection.session.post(
                url, data=io.BytesIO(file.content), proxy=connection.proxy
            ) as response:
                if response.status >= 500:
                    raise NotUploaded(f"upload of {file.name}: status {response.status}")
                if response.status != 200:
                    raise of_status(response.status, f"upload of {file.name}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotUploaded(str(translated(error, f"upload of {file.name}"))) from error

    async def _message_of(self, place: Place, file_id: str) -> str | None:
        """The message that shows a file; Slack posts it a moment after the upload is complete."""
        for look in range(LOOKS):
            ts = await self._shown_in(place, file_id)
            if ts is not None:
                return ts
            await self._clock.sleep(FIRST_LOOK_S * 2**look)
        return None

    async def _shown_in(self, place: Place, file_id: str) -> str | None:
        try:
            told = await self._api.call("files.info", place.workspace, file=file_id)
        except Refused as error:
            if error.code in ("file_not_found", "file_deleted"):
                return None
            raise
        file = told.get("file")
        shares = file.get("shares") if isinstance(file, Mapping) else None
        for kind in ("public", "private"):
            by_channel = shares.get(kind) if isinstance(shares, Mapping) else None
            shown = by_channel.get(place.channel) if isinstance(by_channel, Mapping) else None
            if shown:
                return str(_newest(shown)["ts"])
        return None

    @staticmethod
    def _key(place: Place, mark: str) -> str:
        return f"{place.workspace}:{place.channel}:{mark}"


def _newest(shown: Sequence[Json]) -> Json:
    if not shown:
        raise PlatformError("a file that is shown nowhere")
    return max(shown, key=lambda each: float(each.get("ts", 0)))
