"""What was asked of the simulated API, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.changes import Changes
from sandbox.discord.faults import fits
from sandbox.kept import Kept
from sandbox.outcome import Outcome


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


class RequestLog(Kept[SeenRequest]):
    """The last `max_kept` requests; `count` counts all since the last `clear`."""

    def __init__(self, changes: Changes, *, max_kept: int = 5_000) -> None:
        super().__init__(changes, max_kept=max_kept)
        self.count = 0

    def of(self, route: str) -> tuple[SeenRequest, ...]:
        """Those of a route, such as `POST /channels/{}/messages`."""
        return tuple(each for each in self.seen if fits(each.route, route))

    def note(self, *, at: datetime, route: str, path: str, query: Mapping[str, str]) -> int:
        """Write a request down; returns its number."""
        self.count += 1
        return self.add(
            lambda number: SeenRequest(number=number, at=at, route=route, path=path, query=query)
        )

    def clear(self) -> None:
        """Forget the requests."""
        super().clear()
        self.count = 0
