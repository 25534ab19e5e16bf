"""Scripted faults: how the provider, or the way to it, can fail a request."""

from dataclasses import dataclass
from enum import StrEnum

from sandbox.armed import ArmedFaults
from sandbox.claude.errors import ApiError


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """An error response instead of an answer."""
    HANG = "hang"
    """Nothing comes back at all."""
    DROP = "drop"
    """The connection is closed before the first byte of a response."""
    STALL = "stall"
    """The stream falls silent, but stays open."""
    CUT = "cut"
    """The connection breaks in the middle of the stream."""
    END_EARLY = "end_early"
    """The stream ends properly, but without `message_stop`."""
    STREAM_ERROR = "stream_error"
    """An `error` event in the stream, which then ends."""
    TRUNCATED_JSON = "truncated_json"
    """An event whose JSON breaks off, after which the stream ends."""
    UNKNOWN_EVENTS = "unknown_events"
    """Events and blocks of types nobody has heard of; the answer then goes on and is complete."""
    NOT_JSON = "not_json"
    """Status 200 and a body that is not what was promised."""
    HTML = "html"
    """Status 200 and a web page, as a captive portal or a proxy gives it."""
    DRIP = "drip"
    """The whole answer, but in a few bytes at a time, breaking inside events and characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; the fields beside `kind` matter to some kinds alone.

    `after_chunks` counts the content deltas that still get through. Build it with the class methods.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    kind: FaultKind
    after_chunks: int = 0
    status: int = 500
    message: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    retry_after: str | None = None
    should_retry: bool | None = None
    reset: bool = False
    bytes_per_write: int = 7
    delay_s: float = 0.0

    @classmethod
    def of_status(
        cls,
        status: int,
        *,
        retry_after: float | str | None = None,
        should_retry: bool | None = None,
        message: str | None = None,
        error_type: str | None = None,
        error_code: str | None = None,
    ) -> "Fault":
        """An error response. `retry_after` is in seconds, or a text such as an HTTP date."""
        return cls(
            kind=FaultKind.STATUS,
            status=status,
            retry_after=None if retry_after is None else f"{retry_after}",
            should_retry=should_retry,
            message=message,
            error_type=error_type,
            error_code=error_code,
        )

    @classmethod
    def spend_limit(cls) -> "Fault":
        """429 because the month's spend cap is reached: without `retry-after`, and no use retrying."""
        return cls.of_status(
            429,
            message="Your organization has reached its monthly API usage threshold.",
            error_code="enforced_spend_limit_reached",
        )

    @classmethod
    def hang(cls) -> "Fault":
        """No byte comes back until the client gives up."""
        return cls(kind=FaultKind.HANG)

    @classmethod
    def drop(cls, *, reset: bool = False) -> "Fault":
        """The connection closes before any response; `reset` with a TCP reset."""
        return cls(kind=FaultKind.DROP, reset=reset)

    @classmethod
    def stall(cls, after_chunks: int = 0) -> "Fault":
        """The stream falls silent after that many deltas."""
        return cls(kind=FaultKind.STALL, after_chunks=after_chunks)

    @classmethod
    def cut(cls, after_chunks: int = 0, *, reset: bool = False) -> "Fault":
        """The connection breaks after that many deltas; with `reset` the client may see fewer."""
        return cls(kind=FaultKind.CUT, after_chunks=after_chunks, reset=reset)

    @classmethod
    def end_early(cls, after_chunks: int = 0) -> "Fault":
        """The stream ends cleanly after that many deltas, without `message_stop`."""
        return cls(kind=FaultKind.END_EARLY, after_chunks=after_chunks)

    @classmethod
    def stream_error(cls, error_type: str = "overloaded_error", after_chunks: int = 0) -> "Fault":
        """An `error` event after that many deltas."""
        return cls(kind=FaultKind.STREAM_ERROR, error_type=error_type, after_chunks=after_chunks)

    @classmethod
    def truncated_json(cls, after_chunks: int = 0) -> "Fault":
        """A broken event after that many deltas, then the end."""
        return cls(kind=FaultKind.TRUNCATED_JSON, after_chunks=after_chunks)

    @classmethod
    def unknown_events(cls, after_chunks: int = 0) -> "Fault":
        """Unknown events after that many deltas; harmless to a client that skips them."""
        return cls(kind=FaultKind.UNKNOWN_EVENTS, after_chunks=after_chunks)

    @classmethod
    def not_json(cls) -> "Fault":
        """Status 200 and nonsense."""
        return cls(kind=FaultKind.NOT_JSON)

    @classmethod
    def html(cls) -> "Fault":
        """Status 200 and a web page."""
        return cls(kind=FaultKind.HTML)

    @classmethod
    def drip(cls, bytes_per_write: int = 7, *, delay_s: float = 0.0) -> "Fault":
        """The answer in tiny writes with a delay after each."""
        return cls(kind=FaultKind.DRIP, bytes_per_write=bytes_per_write, delay_s=delay_s)

    def as_error(self) -> ApiError:
        """The error response of a `status` fault, or of a stream error where nothing is streamed."""
        status = {"overloaded_error": 529}.get(self.error_type or "", self.status)
        headers = {}
        if self.retry_after is not None:
            headers["retry-after"] = self.retry_after
        if self.should_retry is not None:
            headers["x-should-retry"] = str(self.should_retry).lower()
        return ApiError(
            status,
            self.message,
            error_type=self.error_type,
            error_code=self.error_code,
            headers=headers,
        )


class Faults(ArmedFaults[Fault]):
    """Which faults are armed; the oldest that fits a request is taken."""

    def arm(self, *faults: Fault, times: int | None = 1, model: str | None = None) -> None:
        """Fail the next `times` requests with each fault in turn; None for always."""
        self.add(faults, times=times, target=model)

    def take(self, model: str | None, *, exactly: bool = False) -> Fault | None:
        """The fault of a request to that model, used up by one; None if it is to succeed. `exactly`:
        only one that was armed for it, not for any."""
        return self.take_one(lambda target: target == model or (target is None and not exactly))
