"""Scripted faults: how Slack, or the way to it, can fail a call."""

from dataclasses import dataclass
from enum import StrEnum

from sandbox.armed import ArmedFaults


class FaultKind(StrEnum):
    """What goes wrong."""

    ERROR = "error"
    """An answer with `ok: false`; nothing was done."""
    STATUS = "status"
    """An HTTP status, such as 503; nothing was done."""
    RATE_LIMITED = "rate_limited"
    """Status 429 with `Retry-After`; nothing was done."""
    DROP = "drop"
    """The connection is closed before anything is done."""
    LOST_ANSWER = "lost_answer"
    """It is done, but the connection is closed before the answer."""
    HANG = "hang"
    """Nothing is done and nothing comes back."""
    DELAY = "delay"
    """It is done, but only after a while."""
    NOT_JSON = "not_json"
    """Status 200 and a web page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; the fields beside `kind` matter to some kinds alone. Build it with the class methods."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    kind: FaultKind
    error: str = "internal_error"
    status: int = 503
    retry_after_s: int = 1
    delay_s: float = 0.0
    reset: bool = True

    @classmethod
    def of_error(cls, error: str = "internal_error") -> "Fault":
        """`ok: false` with that string."""
        return cls(kind=FaultKind.ERROR, error=error)

    @classmethod
    def of_status(cls, status: int = 503) -> "Fault":
        """An HTTP status."""
        return cls(kind=FaultKind.STATUS, status=status)

    @classmethod
    def rate_limited(cls, retry_after_s: int = 1) -> "Fault":
        """Too many calls."""
        return cls(kind=FaultKind.RATE_LIMITED, retry_after_s=retry_after_s)

    @classmethod
    def drop(cls, *, reset: bool = True) -> "Fault":
        """The connection breaks before anything is done."""
        return cls(kind=FaultKind.DROP, reset=reset)

    @classmethod
    def lost_answer(cls, *, reset: bool = True) -> "Fault":
        """The connection breaks after it was done."""
        return cls(kind=FaultKind.LOST_ANSWER, reset=reset)

    @classmethod
    def hang(cls) -> "Fault":
        """Nothing comes back."""
        return cls(kind=FaultKind.HANG)

    @classmethod
    def delay(cls, delay_s: float) -> "Fault":
        """It takes that long."""
        return cls(kind=FaultKind.DELAY, delay_s=delay_s)

    @classmethod
    def not_json(cls) -> "Fault":
        """A web page, as a captive portal or a proxy gives it."""
        return cls(kind=FaultKind.NOT_JSON)


class Faults(ArmedFaults[Fault]):
    """Which faults are armed; the oldest that fits a call is taken."""

    def arm(self, *faults: Fault, times: int | None = 1, method: str | None = None) -> None:
        """Fail the next `times` calls, or those of a method, with each fault in turn; None for always."""
        self.add(faults, times=times, target=method)

    def take(self, method: str) -> Fault | None:
        """The fault of a call, used up by one; None if it is to succeed."""
        return self.take_one(lambda target: target in (None, method))
