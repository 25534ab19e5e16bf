"""What was asked of the simulated API, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.changes import Changes
from sandbox.kept import Kept
from sandbox.outcome import Outcome

SECRET_HEADERS = frozenset({"authorization", "x-api-key", "cookie"})


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


class RequestLog(Kept[SeenRequest]):
    """The last `max_kept` requests. `count` and `disconnects` count since the last `clear`."""

    def __init__(self, changes: Changes, *, max_kept: int = 1_000) -> None:
        super().__init__(changes, max_kept=max_kept)
        self.count = 0
        self.disconnects = 0

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
        shown = {
            name.lower(): value
            for name, value in headers.items()
            if name.lower() not in SECRET_HEADERS
        }
        return self.add(
            lambda number: SeenRequest(
                number=number, request_id=request_id, at=at, path=path, headers=shown, body=body
            )
        )

    def finish(self, number: int, outcome: Outcome, status: int | None) -> None:
        """Write down what became of it."""
        if outcome is Outcome.DISCONNECTED:
            self.disconnects += 1
        self.change(number, outcome=outcome, status=status)

    def clear(self) -> None:
        """Forget the requests."""
        super().clear()
        self.count = 0
        self.disconnects = 0
