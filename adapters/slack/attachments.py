"""Files that people send, as events tell of them.

https://docs.slack.dev/reference/objects/file-object
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.slack.payloads import Json
from bot.vocabulary import Attachment, storable

MAX_FILES: Final = 50
_GONE = frozenset({"tombstone", "hidden_by_limit"})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is: what an attachment's `source` says."""

    workspace: str
    file_id: str
    url: str

    def __str__(self) -> str:
        return f"{self.workspace} {self.file_id} {self.url}"

    @classmethod
    def parse(cls, text: str) -> "Source":
        """The inverse of `str`."""
        workspace, _, rest = text.partition(" ")
        file_id, _, url = rest.partition(" ")
        return cls(workspace, file_id, url)


def attachments_of(event: Json, workspace: str) -> tuple[Attachment, ...]:
    """The files of a message that are still there."""
    files = event.get("files")
    found: Sequence[Json] = [
        file
        for file in (files if isinstance(files, list) else [])
        if isinstance(file, Mapping) and file.get("id") and file.get("mode") not in _GONE
    ]
    return tuple(_attachment(file, workspace) for file in found[:MAX_FILES])


def _attachment(file: Json, workspace: str) -> Attachment:
    size = file.get("size")
    return Attachment(
        name=storable(str(file.get("name") or file.get("title") or file["id"])),
        media_type=str(file.get("mimetype") or "application/octet-stream"),
        size_bytes=size if isinstance(size, int) and size >= 0 else 0,
        source=str(Source(workspace, str(file["id"]), url_of(file))),
    )


def url_of(file: Json) -> str:
    """Where the file is fetched from; empty if it is not at Slack, or the event does not say."""
    if file.get("is_external"):
        return ""  # it is somewhere else, and Slack's token opens nothing there
    return str(file.get("url_private_download") or file.get("url_private") or "")
