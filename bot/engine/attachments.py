"""Files that people send: what of them Claude gets to read, and in which form.

Images and PDFs go as they are, other text files as text; what can't be read is said. The bytes are
kept in the database under their hash, so that the same prompt can be built again at every turn.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.claude.tokens import (
    DOCUMENT_BYTES_PER_TOKEN,
    DOCUMENT_MIN_TOKENS,
    IMAGE_TOKENS,
    estimate_tokens,
)
from bot.engine import notices
from bot.ports import Adapter, PlatformError
from bot.vocabulary import Attachment, label
from config.sections import ContextSettings
from storage import history
from storage.database import Database

Json = dict[str, Any]

# The image types of the API (https://platform.claude.com/docs/en/build-with-claude/vision).
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF_TYPE = "application/pdf"
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"%PDF-": PDF_TYPE,
}
TEXT_TYPES = frozenset(
    {
        "application/json",
        "application/javascript",
        "application/sql",
        "application/toml",
        "application/x-sh",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    }
)
# fmt: off
TEXT_ENDINGS = (
    ".c", ".cfg", ".conf", ".cpp", ".cs", ".css", ".csv", ".diff", ".go", ".h", ".html",
    ".ini", ".java", ".js", ".json", ".kt", ".log", ".lua", ".md", ".patch", ".php", ".pl",
    ".py", ".rb", ".rs", ".rst", ".sh", ".sql", ".svg", ".swift", ".tex", ".toml", ".ts",
    ".tsv", ".tsx", ".txt", ".xml", ".yaml", ".yml",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a file: a content block as it is stored, and about how many tokens it has."""

    block: Json
    tokens: int

    @classmethod
    def of_text(cls, text: str) -> "Reading":
        """What it says, or why it was not read."""
        return cls({"type": "text", "text": text}, estimate_tokens(text))


class AttachmentReader:
    """Fetches files from their platform and turns them into content blocks."""

    def __init__(self, *, database: Database, limits: ContextSettings) -> None:
        self._database = database
        self._limits = limits

    async def read(
        self, adapter: Adapter, files: tuple[Attachment, ...], *, now: datetime
    ) -> list[Reading]:
        """One reading for each file, in their order; never raises for a file that can't be read."""
        most = self._limits.max_attachments
        readings = [await self._read(adapter, file, now=now) for file in files[:most]]
        too_many = (
            _unread(file, f"at most {most} files are read at once") for file in files[most:]
        )
        return [*readings, *too_many]

    async def _read(self, adapter: Adapter, file: Attachment, *, now: datetime) -> Reading:
        limit = self._limit(file)
        if limit is None:
            return _unread(file, f"files of the type {file.media_type} are not understood")
        if file.size_bytes > limit:
            return _unread(file, f"it is larger than {_megabytes(limit)}")
        try:
            content = await adapter.fetch(file, max_bytes=limit)
        except PlatformError:
            return _unread(file, "it could not be downloaded")
        if is_text(file):
            return _text(file, content)
        return await self._keep(file, content, now=now)

    def _limit(self, file: Attachment) -> int | None:
        if file.media_type in IMAGE_TYPES:
            return self._limits.max_image_bytes
        if file.media_type == PDF_TYPE:
            return self._limits.max_pdf_bytes
        return self._limits.max_text_bytes if is_text(file) else None

    async def _keep(self, file: Attachment, content: bytes, *, now: datetime) -> Reading:
        media_type = type_of(content)  # the API refuses what is not what it is said to be
        if file.media_type == PDF_TYPE and media_type != PDF_TYPE:
            return _unread(file, "it is not a PDF in fact")
        if file.media_type in IMAGE_TYPES and media_type not in IMAGE_TYPES:
            return _unread(file, "it is not an image in fact")
        sha256 = await self._database.write(history.keep_attachment, content, media_type, now=now)
        source = {"type": "stored", "media_type": media_type, "sha256": sha256}
        if media_type == PDF_TYPE:
            tokens = max(DOCUMENT_MIN_TOKENS, len(content) // DOCUMENT_BYTES_PER_TOKEN)
            return Reading({"type": "document", "title": file.name, "source": source}, tokens)
        return Reading({"type": "image", "source": source}, IMAGE_TOKENS)


def type_of(content: bytes) -> str:
    """The media type of an image that the API takes or of a PDF, by its first bytes; empty if it is
    neither (https://en.wikipedia.org/wiki/List_of_file_signatures)."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), "")


def is_text(file: Attachment) -> bool:
    """Whether a file is read as text, by its media type or the ending of its name."""
    return (
        file.media_type.startswith("text/")
        or file.media_type in TEXT_TYPES
        or file.name.lower().endswith(TEXT_ENDINGS)
    )


def _text(file: Attachment, content: bytes) -> Reading:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _unread(file, "it is not text in UTF-8")
    name = label(file.name)
    return Reading.of_text(f"[The file {name}:]\n{text}\n[End of {name}]")


def _unread(file: Attachment, why: str) -> Reading:
    return Reading.of_text(notices.unreadable(file.name, why))


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:g} MB"
