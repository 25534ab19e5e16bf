"""Files that the bot sends: saved beside the database."""

import re
from pathlib import Path

from bot.ports import OutgoingFile, PlatformUnavailable

_UNSAFE = re.compile(r"[^\w.-]+")
MAX_NAME_CHARS = 80


class FileFolder:
    """A folder of files, each named by its mark, so that one that is sent twice is there once."""

    def __init__(self, *, path: Path) -> None:
        self._path = path

    def save(self, file: OutgoingFile) -> Path:
        """Write a file and return where. Blocks. Raises `PlatformUnavailable` if it can't be written."""
        name = _UNSAFE.sub("_", file.name).lstrip(".")[-MAX_NAME_CHARS:] or "file"
        path = self._path / f"{file.mark.replace('.', '-')}-{name}"
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
        except OSError as error:
            raise PlatformUnavailable(f"{path} can't be written: {error}") from error
        return path
