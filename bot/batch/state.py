"""The state file of a batch: what is done, line by line, so that no run pays for it again.

Each line is one JSON object, written the moment it is true. A line that was cut short by a crash is taken
away when the file is opened again.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from bot.batch.errors import BatchUnusable
from bot.batch.records import Done, Failed, Record
from bot.vocabulary import Clock, Usage

VERSION = 1
SYNC_EVERY_S = 1.0
"""A crash of the process loses nothing; one of the machine at most what was written in this time."""

Json = Mapping[str, Any]


@dataclass(slots=True)
class HandedOver:
    """Items that were, or were about to be, handed to the provider as one of its batches."""

    number: int
    keys: Sequence[str]
    at: datetime
    batch_id: str | None = None
    """None while nobody knows whether the provider got it."""


@dataclass(slots=True)
class Known:
    """What a state file says."""

    run: str = ""
    digest: str = ""
    done: dict[str, Done] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)
    handed_over: dict[int, HandedOver] = field(default_factory=dict)
    last_number: int = 0


class StateFile:
    """An open state file, which no other process can use meanwhile: `with StateFile(…) as state`."""

    def __init__(
        self, path: Path, *, run: str, digest: str, clock: Clock, restart: bool = False
    ) -> None:
        """`run` and `digest` are those of a new batch; one that is there already keeps its run.

        Raises:
            BatchUnusable: it can't be had, or belongs to another batch.
        """
        self.path = path
        self.known = Known()
        self._file = _locked(path)
        self._clock = clock
        self._synced_at = clock.monotonic()
        try:
            self._open(run, digest, restart=restart)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "StateFile":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def run(self) -> str:
        """The batch's identifier, the same through all its runs."""
        return self.known.run

    def record(self, record: Record) -> None:
        """Write down what became of an item."""
        kind = "done" if isinstance(record, Done) else "failed"
        self._write({kind: asdict(record)})

    def handing_over(self, keys: Sequence[str], at: datetime) -> HandedOver:
        """From now on the provider may have these items."""
        number = self.known.last_number + 1
        self._write({"handing_over": {"number": number, "keys": list(keys), "at": at.isoformat()}})
        self._sync()
        return self.known.handed_over[number]

    def handed_over(self, which: HandedOver, batch_id: str) -> None:
        """The provider has them, under this id."""
        self._write({"handed_over": {"number": which.number, "batch_id": batch_id}})
        self._sync()

    def taken_back(self, which: HandedOver) -> None:
        """All its results are here, or the provider never got it."""
        self._write({"taken_back": {"number": which.number}})
        self._sync()

    def close(self) -> None:
        """Write everything to the disk, and let others use the file."""
        if not self._file.closed:
            self._sync()
            self._file.close()

    def _open(self, run: str, digest: str, *, restart: bool) -> None:
        if restart:
            self._file.truncate(0)
        self._read()
        if not self.known.run:
            begun = {
                "version": VERSION,
                "run": run,
                "digest": digest,
                "at": self._clock.now().isoformat(),
            }
            self._write({"batch": begun})
        if self.known.digest != digest:
            raise BatchUnusable(
                f"{self.path} belongs to a batch with another prompt, system text, model or length of "
                "answers; choose another --output, or begin afresh with --restart"
            )

    def _read(self) -> None:
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise BatchUnusable(
                    f"{self.path}, line {number}: it is not the state of a batch; choose another "
                    "--output, or remove it"
                ) from error
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(whole)

    def _take(self, line: Json) -> None:
        ((kind, said),) = line.items()
        _TAKE[kind](self.known, said)

    def _write(self, line: Json) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        self._take(json.loads(json.dumps(line)))
        if self._clock.monotonic() - self._synced_at >= SYNC_EVERY_S:
            self._sync()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced_at = self._clock.monotonic()


def _locked(path: Path) -> BinaryIO:
    try:
        file = path.open("a+b")
    except OSError as error:
        raise BatchUnusable(f"{path} can't be written: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise BatchUnusable(f"another process is working on {path}; wait for it to end") from error
    return file


def _begun(known: Known, said: Json) -> None:
    if said["version"] != VERSION:
        raise ValueError("another version")
    known.run, known.digest = str(said["run"]), str(said["digest"])


def _done(known: Known, said: Json) -> None:
    known.done[said["key"]] = Done(**{**said, "usage": Usage(**said["usage"])})
    known.failed.pop(said["key"], None)


def _failed(known: Known, said: Json) -> None:
    known.failed[said["key"]] = Failed(**said)


def _handing_over(known: Known, said: Json) -> None:
    number = int(said["number"])
    at = datetime.fromisoformat(said["at"])
    known.handed_over[number] = HandedOver(number, tuple(said["keys"]), at)
    known.last_number = number


def _handed_over(known: Known, said: Json) -> None:
    known.handed_over[said["number"]].batch_id = said["batch_id"]


def _taken_back(known: Known, said: Json) -> None:
    del known.handed_over[said["number"]]


_TAKE: Mapping[str, Callable[[Known, Json], None]] = {
    "batch": _begun,
    "done": _done,
    "failed": _failed,
    "handing_over": _handing_over,
    "handed_over": _handed_over,
    "taken_back": _taken_back,
}
