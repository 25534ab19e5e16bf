"""What was asked of the simulated API, and what became of it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sandbox.changes import Changes
from sandbox.discord.faults import fits


class Outcome(StrEnum):
    """What became of a request."""

    RUNNING = "running"
    ANSWERED = "answered"
    REJECTED = "rejected"
    """It got an error response."""
    FAULTED = "faulted"
    """A scripted fault ended it."""
    DISCONNECTED = "disconnected"
    """The client went away before the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request. `route` is such as `POST /channels/{channel_id}/messages`; of uploads, `body` is the
    JSON part and `files` the names. `code` is Discord's error code."""

    number: int
    at: datetime
    route: str
    path: str
    query: Mapping[str, str]
    body: Any = None
    files: tuple[str, ...] = ()
    outcome: Outcome = Outcome.RUNNING
    status: int | None = None
    code: int = 0


class RequestLog:
    """The last `max_kept` requests; `count` counts all since the last `clear`."""

    def __init__(self, changes: Changes, *, max_kept: int = 5_000) -> None:
        self._changes = changes
        self._max_kept = max_kept
        self._seen: OrderedDict[int, SeenRequest] = OrderedDict()
        self._last_number = 0
        self.count = 0

    @property
    def seen(self) -> tuple[SeenRequest, ...]:
        """The requests, oldest first."""
        return tuple(self._seen.values())

    def of(self, route: str) -> tuple[SeenRequest, ...]:
        """Those of a route, such as `POST /channels/{}/messages`."""
        return tuple(each for each in self._seen.values() if fits(each.route, route))

    def note(self, *, at: datetime, route: str, path: str, query: Mapping[str, str]) -> int:
        """Write a request down; returns its number."""
        self.count += 1
        self._last_number += 1
        self._seen[self._last_number] = SeenRequest(
            number=self._last_number, at=at, route=route, path=path, query=query
        )
        if len(self._seen) > self._max_kept:
            self._seen.popitem(last=False)
        self._changes.announce()
        return self._last_number

    def change(self, number: int, **changes: Any) -> None:
        """Write down what became known of it."""
        seen = self._seen.get(number)
        if seen is not None:
            self._seen[number] = replace(seen, **changes)
        self._changes.announce()

    def clear(self) -> None:
        """Forget the requests."""
        self._seen.clear()
        self.count = 0
