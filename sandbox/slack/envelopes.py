"""What Slack sends to an app: events, slash commands and interactions, each in an envelope."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EnvelopeKind(StrEnum):
    """Kinds of envelope, named as Socket Mode names them in `type`."""

    EVENT = "events_api"
    COMMAND = "slash_commands"
    INTERACTION = "interactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One thing to be delivered. `label` says in a word what it is, such as `app_mention`."""

    number: int
    kind: EnvelopeKind
    label: str
    payload: Mapping[str, Any]

    @property
    def takes_answer(self) -> bool:
        """An acknowledgement may carry a payload."""
        return self.kind is not EnvelopeKind.EVENT


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    ACKED = "acked"
    LOST = "lost"
    """All attempts failed; Slack gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """An envelope and what became of it; `reasons` say why attempts failed."""

    envelope: Envelope
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    reasons: tuple[str, ...] = ()
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended; `reason` is empty if it was acknowledged."""

    reason: str = ""
    answer: Mapping[str, Any] | None = None
    final: bool = False
    """It is not to be tried again, whatever came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivery:
    """When an attempt counts as failed, and when it is tried again.

    Slack waits 3 s and tries again at once, after a minute and after five
    (https://docs.slack.dev/apis/events-api/#retries).
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    ack_within_s: float = 3.0
    pauses_s: tuple[float, ...] = (0.0, 60.0, 300.0)

    @classmethod
    def quick(cls) -> "Redelivery":
        """The same shape in little time, for tests."""
        return cls(ack_within_s=3.0, pauses_s=(0.0, 0.5, 2.0))
