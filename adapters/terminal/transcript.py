"""The terminal's platform: an append-only file that plays the server.

What people type is written here before anything else, and so is every change of what the bot shows.
The visible conversation is the replay of the file; a process that is killed leaves at most one torn
line, which is skipped. The file survives the process, not a power cut: what must survive that is in
the inbox by then.

Each record is one JSON object on a line, written by one `write` to a file opened for appending. That
is a copy into the page cache of some microseconds, so it is done on the event loop; only opening,
which reads the whole file, belongs into a thread.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.ports import MessageGone, Part, PlatformError, PlatformUnavailable
from bot.vocabulary import Clock, new_id

MAX_BYTES: Final = 4 * 1024 * 1024
"""A file that grows beyond this is written anew with its newest entries: opening stays quick."""

KEPT_ENTRIES: Final = 200
KEPT_CHARS: Final = 1_000_000

Record = Mapping[str, Any]

_FIELDS: Final[Mapping[str, set[str]]] = {
    "say": {"id", "at", "thread", "text"},
    "post": {"id", "at", "thread", "text", "mark", "final"},
    "edit": {"id", "keep", "add", "final"},
    "delete": {"id"},
    "see": {"id"},
    "settle": {"thread"},
}
"""What each kind of record holds."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """Something that stands in the conversation: a person's line, or a message of the bot's."""

    id: str
    at: datetime
    thread: str
    text: str
    mark: str | None
    """None for what a person typed."""
    final: bool = True
    seen: bool = False
    """Its final text has been printed."""
    settled: bool = False
    """For a person's line: nothing is owed for it any more."""

    @property
    def typed(self) -> bool:
        """A person said it."""
        return self.mark is None

    @property
    def owed(self) -> bool:
        """A person said it, and it has not come to its end."""
        return self.typed and not self.settled


class Transcript:
    """One file, one process at a time. Every change raises `PlatformUnavailable` if it can't be
    written; then it has not happened."""

    def __init__(self, *, path: Path, clock: Clock, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._clock = clock
        self._max_bytes = self._shorten_beyond = max_bytes
        self._file: int | None = None
        self._lock: int | None = None
        self._size = 0
        self._torn = False
        self._entries: dict[str, Entry] = {}
        self._marks: dict[tuple[str, str], str] = {}

    @property
    def is_open(self) -> bool:
        """It can be written."""
        return self._file is not None

    @property
    def entries(self) -> list[Entry]:
        """All that stands in the conversation, oldest first."""
        return list(self._entries.values())

    @property
    def owed(self) -> list[Entry]:
        """What people typed and has not come to its end, oldest first."""
        return [entry for entry in self._entries.values() if entry.owed]

    def open(self) -> None:
        """Read what is there and get ready to write. Blocks; takes some tens of milliseconds at most.

        Raises:
            PlatformError: the file can't be used, or another process is using it.
        """
        if self._file is not None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
            self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            content = self._path.read_bytes()
        except OSError as error:
            self.close()
            raise PlatformError(f"the transcript {self._path} can't be used: {error}") from error
        self._size, self._torn = len(content), not content.endswith(b"\n") and bool(content)
        self._entries.clear()
        self._marks.clear()
        for record in _records(content):
            self._apply(record)
        self._forget_oldest()
        self._shorten()

    def close(self) -> None:
        """Let another process use the file."""
        for descriptor in (self._file, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._lock = None

    def say(self, thread: str, text: str) -> Entry:
        """A person types a line."""
        return self._entries[self._add(do="say", thread=thread, text=text)]

    def post(self, thread: str, part: Part) -> Entry:
        """The bot says something; a message with the same mark is changed instead."""
        known = self.find(thread, part.mark)
        if known is not None:
            return self.edit(known, part)
        added = self._add(
            do="post", thread=thread, mark=part.mark, text=part.markdown, final=part.final
        )
        return self._entries[added]

    def edit(self, message_id: str, part: Part) -> Entry:
        """The bot changes what it said; only the part that differs is written."""
        entry = self._entries.get(message_id)
        if entry is None or entry.typed:
            raise MessageGone(f"{message_id} is not in the transcript")
        if (entry.text, entry.final) != (part.markdown, part.final):
            kept = _common_length(entry.text, part.markdown)
            self._write(
                do="edit", id=message_id, keep=kept, add=part.markdown[kept:], final=part.final
            )
        return entry

    def delete(self, message_id: str) -> Entry | None:
        """The bot takes back what it said."""
        entry = self._entries.get(message_id)
        if entry is not None:
            self._write(do="delete", id=message_id)
        return entry

    def see(self, message_id: str) -> None:
        """Its final text has been printed."""
        self._write(do="see", id=message_id)

    def settle(self, thread: str) -> None:
        """What was typed in the thread so far has come to its end. Never raises: what can't be
        written holds for this process, and is owed again at the next start."""
        record = {"do": "settle", "thread": thread}
        if any(entry.thread == thread for entry in self.owed):
            with contextlib.suppress(PlatformUnavailable):
                self._append(record)
            self._apply(record)

    def find(self, thread: str, mark: str) -> str | None:
        """The id of the message with this mark, if it is there."""
        return self._marks.get((thread, mark))

    def _add(self, **record: object) -> str:
        now = self._clock.now()
        added = new_id(now)
        self._write(id=added, at=now.isoformat(), **record)
        return added

    def _write(self, **record: object) -> None:
        self._append(record)
        self._apply(record)
        self._shorten()

    def _append(self, record: Record) -> None:
        if self._file is None:
            raise PlatformUnavailable(f"the transcript {self._path} is not open")
        line = b"\n" * self._torn + _line(record)  # a torn line is ended, and skipped in reading
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise PlatformUnavailable(f"the transcript {self._path}: {error}") from error
        self._size += written
        self._torn = written < len(line)
        if self._torn:
            raise PlatformUnavailable(f"the transcript {self._path}: no space left for a record")

    def _apply(self, record: Record) -> None:
        match record["do"]:
            case "say" | "post":
                self._enter(record)
            case "edit" if entry := self._entries.get(record["id"]):
                entry.text = entry.text[: record["keep"]] + record["add"]
                entry.final, entry.seen = record["final"], False
            case "delete" if entry := self._entries.pop(record["id"], None):
                self._marks.pop((entry.thread, entry.mark or ""), None)
            case "see" if entry := self._entries.get(record["id"]):
                entry.seen = True
            case "settle":
                for entry in self.owed:
                    entry.settled = entry.thread == record["thread"]

    def _enter(self, record: Record) -> None:
        entry = Entry(
            id=record["id"],
            at=datetime.fromisoformat(record["at"]),
            thread=record["thread"],
            text=record["text"],
            mark=record.get("mark"),
            final=record.get("final", True),
        )
        self._entries[entry.id] = entry
        if entry.mark is not None:
            self._marks[entry.thread, entry.mark] = entry.id

    def _shorten(self) -> None:
        """If the file has grown too long, write it anew with the newest entries and all that is owed."""
        if self._size <= self._shorten_beyond or self._file is None:
            return
        self._forget_oldest()
        content = b"".join(map(_line, self._snapshot()))
        try:
            fresh = self._replaced(content)
        except OSError:  # a full disk, say: it can go on growing for a while
            self._shorten_beyond = 2 * self._size
            return
        os.close(self._file)
        self._file, self._size, self._torn = fresh, len(content), False
        self._shorten_beyond = max(self._max_bytes, 2 * self._size)

    def _replaced(self, content: bytes) -> int:
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.chmod(0o600)
        fresh.replace(self._path)
        return os.open(self._path, os.O_RDWR | os.O_APPEND)

    def _forget_oldest(self) -> None:
        entries, chars = 0, 0
        for entry in reversed(self.entries):
            entries, chars = entries + 1, chars + len(entry.text)
            if (entries > KEPT_ENTRIES or chars > KEPT_CHARS) and entry.final and not entry.owed:
                self._apply({"do": "delete", "id": entry.id})

    def _snapshot(self) -> Iterator[Record]:
        for entry in self.entries:
            do = "say" if entry.typed else "post"
            yield {
                "do": do,
                "id": entry.id,
                "at": entry.at.isoformat(),
                "thread": entry.thread,
                "text": entry.text,
                "mark": entry.mark,
                "final": entry.final,
            }
            if entry.seen:
                yield {"do": "see", "id": entry.id}
            if entry.settled:
                yield {"do": "settle", "thread": entry.thread}

    def _locked(self) -> int:
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise PlatformError(
                f"another conversation is using {self._path}; end it first, or choose another file"
            ) from None
        return lock


def _line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _records(content: bytes) -> Iterator[Record]:
    """The whole records of a file; a torn line is passed over."""
    for line in content.split(b"\n"):
        try:
            record = json.loads(line.decode("utf-8", "surrogatepass"))
        except ValueError:
            continue
        if isinstance(record, dict) and _FIELDS.get(record.get("do", ""), {"?"}) <= record.keys():
            yield record


def _common_length(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
