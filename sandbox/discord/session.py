"""A gateway session: what it gets, what it got, and what it would get again."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sandbox.discord.intents import Intents

MAX_KEPT: Final = 5_000
"""How many events can be replayed; Discord does not say, but keeps only so many minutes."""

Push = Callable[[Mapping[str, Any]], None]


@dataclass(slots=True, kw_only=True)
class Session:
    """It outlives its connections. `push` sends a payload over the present one, if there is one."""

    id: str
    token: str
    intents: Intents
    shard_id: int
    shard_count: int
    sequence: int = 0
    push: Push | None = None
    withheld: bool = False
    """Events are kept, and not sent until this is False again."""
    disconnected_at: datetime | None = None
    _kept: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_KEPT))
    _pushed: int = 0

    def dispatch(self, name: str, data: Mapping[str, Any]) -> None:
        """Send an event, or keep it for a resume."""
        self.sequence += 1
        payload = {"op": 0, "t": name, "s": self.sequence, "d": data}
        self._kept.append(payload)
        if self.push is not None and not self.withheld:
            self._pushed = self.sequence
            self.push(payload)

    def repeat_last(self, name: str | None = None) -> bool:
        """Send the last event (of that name) again under a new number; False if there is none."""
        for payload in reversed(self._kept):
            if name in (None, payload["t"]) and payload["t"] not in ("READY", "RESUMED"):
                self.dispatch(payload["t"], payload["d"])
                return True
        return False

    def can_replay_after(self, sequence: int) -> bool:
        """Whether everything after that number is still kept."""
        return not self._kept or self._kept[0]["s"] <= sequence + 1

    def attach(self, push: Push, *, after: int) -> None:
        """A connection takes over, beginning after that number."""
        self.push = push
        self.disconnected_at = None
        self._pushed = after
        self._push_on()

    def detach(self, at: datetime) -> None:
        """The connection is gone."""
        self.push = None
        self.disconnected_at = at

    def release(self) -> None:
        """Send what was withheld."""
        self.withheld = False
        self._push_on()

    def _push_on(self) -> None:
        if self.push is None or self.withheld:
            return
        for payload in list(self._kept):
            if payload["s"] > self._pushed:
                self._pushed = payload["s"]
                self.push(payload)
