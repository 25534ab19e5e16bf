"""What was asked of the simulated API, and what became of it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sandbox.changes import Changes

SECRET_HEADERS = frozenset({"authorization", "x-api-key", "cookie"})


class Outcome(StrEnum):
    """What became of a request."""

    RUNNING = "running"
    ANSWERED = "answered"
    REJECTED = "rejected"
    """It got an error response."""
    FAULTED = "faulted"
    """A scripted fault ended it."""
    DISCONNECTED = "disconnected"
    """The client went away before the end."""
    STOPPED = "stopped"
    """The simulator was stopped meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request; `headers` are in lower case and without secrets."""

    number: int
    request_id: str
    at: datetime
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    outcome: Outcome = Outcome.RUNNING
    status: int | None = None

    @property
    def model(self) -> str | None:
        """The model asked for, as the request names it."""
        model = self.body.get("model")
        return model if isinstance(model, str) else None


class RequestLog:
    """The last `max_kept` requests. `count` and `disconnects` count since the last `clear`; the
    numbers of requests go on."""

    def __init__(self, changes: Changes, *, max_kept: int = 1_000) -> None:
        self._changes = changes
        self._max_kept = max_kept
        self._seen: OrderedDict[int, SeenRequest] = OrderedDict()
        self._last_number = 0
        self.count = 0
        self.disconnects = 0

    @property
    def seen(self) -> tuple[SeenRequest, ...]:
        """The requests, oldest first."""
        return tuple(self._seen.values())

    def note(
        self,
        *,
        request_id: str,
        at: datetime,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any],
    ) -> int:
        """Write a request down; returns its number."""
        self.count += 1
        self._last_number += 1
        self._seen[self._last_number] = SeenRequest(
            number=self._last_number,
            request_id=request_id,
            at=at,
            path=path,
            headers={
                name.lower(): value
                for name, value in headers.items()
                if name.lower() not in SECRET_HEADERS
            },
            body=body,
        )
        if len(self._seen) > self._max_kept:
            self._seen.popitem(last=False)
        self._changes.announce()
        return self._last_number

    def finish(self, number: int, outcome: Outcome, status: int | None) -> None:
        """Write down what became of it."""
        seen = self._seen.get(number)
        if seen is not None:
            self._seen[number] = replace(seen, outcome=outcome, status=status)
        if outcome is Outcome.DISCONNECTED:
            self.disconnects += 1
        self._changes.announce()

    def clear(self) -> None:
        """Forget the requests."""
        self._seen.clear()
        self.count = 0
        self.disconnects = 0
