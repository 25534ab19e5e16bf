"""Fetching the files that people send."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from adapters.slack.api import SlackApi
from adapters.slack.attachments import Source, url_of
from adapters.slack.errors import Refused, of_status, translated
from bot.ports import PlatformError
from bot.vocabulary import Attachment

MAX_REDIRECTS: Final = 3
CHUNK_BYTES: Final = 64 * 1024
_HOSTS = ("slack.com", "slack-files.com", "slack-gov.com")


class FileReader:
    """Fetches files with the bot's token, and takes the token nowhere but to Slack."""

    def __init__(self, *, api: SlackApi) -> None:
        self._api = api

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """The content. Raises `PlatformError` if it is larger or can't be had."""
        source = Source.parse(attachment.source)
        url = source.url or await self._looked_up(source, attachment)
        installed = await self._api.workspaces.of(source.workspace)
        for _ in range(MAX_REDIRECTS + 1):
            if not self._is_slacks(url):
                raise PlatformError(f"{attachment.name} is not at Slack")
            content, url = await self._got(url, installed.token, attachment, max_bytes)
            if content is not None:
                return content
        raise PlatformError(f"{attachment.name}: sent on from one address to another too often")

    async def _got(
        self, url: str, token: str, attachment: Attachment, max_bytes: int
    ) -> tuple[bytes | None, str]:
        """The content, or the address to ask instead."""
        connection = self._api.connection
        try:
            async with connection.session.get(
                url,
                headers={"Authorization": f"Bearer {token}"},
                allow_redirects=False,
                proxy=connection.proxy,
            ) as response:
                if response.status in (301, 302, 303, 307, 308):
                    return None, urljoin(url, response.headers.get("Location", ""))
                if response.status != 200:
                    raise of_status(response.status, attachment.name)
                _check_for_login_page(response, attachment)
                return await _read(response, attachment, max_bytes), ""
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise translated(error, attachment.name) from error

    async def _looked_up(self, source: Source, attachment: Attachment) -> str:
        """The address of a file that came without one, as from a channel shared with others
        (https://docs.slack.dev/apis/slack-connect/#files)."""
        told = await self._api.call("files.info", source.workspace, file=source.file_id)
        file = told.get("file")
        url = url_of(file) if isinstance(file, Mapping) else ""
        if not url:
            raise Refused(f"{attachment.name} can't be downloaded", code="no_address")
        return url

    def _is_slacks(self, url: str) -> bool:
        parts, api = urlsplit(url), urlsplit(self._api.connection.api_url)
        if parts.netloc == api.netloc and parts.scheme == api.scheme:
            return True
        host = parts.hostname or ""
        return parts.scheme == "https" and any(
            host == each or host.endswith(f".{each}") for each in _HOSTS
        )


def _check_for_login_page(response: aiohttp.ClientResponse, attachment: Attachment) -> None:
    """Without the right to read files Slack answers with its login page, and with status 200."""
    if response.content_type == "text/html" and attachment.media_type != "text/html":
        raise Refused(
            f"{attachment.name} can't be read: add files:read to the app and install it again",
            code="missing_scope",
        )


async def _read(response: aiohttp.ClientResponse, attachment: Attachment, max_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise PlatformError(f"{attachment.name} is larger than {max_bytes} bytes")
    return bytes(content)
