"""Scripted faults: how Discord, or the way to it, can fail a request."""

import re
from dataclasses import dataclass
from enum import StrEnum

from sandbox.armed import ArmedFaults


class CloudflareBan(Exception):
    """The request is refused before it reaches Discord: 429, a page, and no `Via`."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("error code: 1015")
        self.retry_after_s = retry_after_s


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """An error response instead of an answer; nothing was done."""
    RATE_LIMIT = "rate_limit"
    """429 with `retry_after_s`; nothing was done."""
    CLOUDFLARE = "cloudflare"
    """429 from Cloudflare; nothing was done."""
    DROP = "drop"
    """The connection is closed before anything was done."""
    LOST_ANSWER = "lost_answer"
    """It was done, and then the connection was closed without an answer."""
    HANG = "hang"
    """Nothing is done and nothing comes back."""
    HANG_AFTER = "hang_after"
    """It was done, and nothing comes back."""
    DELAY = "delay"
    """It is done, and answered, `delay_s` later."""
    HTML = "html"
    """Status 200 and a web page, as a proxy gives it; nothing was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; the fields beside `kind` matter to some kinds alone."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    kind: FaultKind
    status: int = 500
    code: int = 0
    message: str | None = None
    retry_after_s: float = 1.0
    scope: str = "user"
    delay_s: float = 0.0
    reset: bool = False

    @classmethod
    def of_status(cls, status: int, *, code: int = 0, message: str | None = None) -> "Fault":
        """An error response with Discord's `code`."""
        return cls(kind=FaultKind.STATUS, status=status, code=code, message=message)

    @classmethod
    def rate_limit(cls, retry_after_s: float = 1.0, *, scope: str = "user") -> "Fault":
        """429; `scope` is user, global or shared."""
        return cls(kind=FaultKind.RATE_LIMIT, retry_after_s=retry_after_s, scope=scope)

    @classmethod
    def cloudflare(cls, retry_after_s: float = 60.0) -> "Fault":
        """429 as from Cloudflare."""
        return cls(kind=FaultKind.CLOUDFLARE, retry_after_s=retry_after_s)

    @classmethod
    def drop(cls, *, reset: bool = False) -> "Fault":
        """The connection closes before anything is done."""
        return cls(kind=FaultKind.DROP, reset=reset)

    @classmethod
    def lost_answer(cls, *, reset: bool = False) -> "Fault":
        """It is done, but the answer is lost."""
        return cls(kind=FaultKind.LOST_ANSWER, reset=reset)

    @classmethod
    def hang(cls, *, after: bool = False) -> "Fault":
        """No byte comes back until the client gives up; `after` it was done."""
        return cls(kind=FaultKind.HANG_AFTER if after else FaultKind.HANG)

    @classmethod
    def delay(cls, delay_s: float) -> "Fault":
        """It takes so long."""
        return cls(kind=FaultKind.DELAY, delay_s=delay_s)

    @classmethod
    def html(cls) -> "Fault":
        """Status 200 and a web page."""
        return cls(kind=FaultKind.HTML)


def fits(route: str, pattern: str | None) -> bool:
    """Whether a route such as `POST /channels/{channel_id}/messages` is meant.

    A pattern is None for all, a method alone, or a whole route, whose parameters need no names:
    `POST /channels/{}/messages`.
    """
    if pattern is None:
        return True
    bare = re.sub(r"\{[^}]*\}", "{}", pattern)
    return bare in (re.sub(r"\{[^}]*\}", "{}", route), route.split()[0])


class Faults(ArmedFaults[Fault]):
    """Which faults are armed; the oldest that fits a request is taken."""

    def arm(self, *faults: Fault, times: int | None = 1, route: str | None = None) -> None:
        """Fail the next `times` requests of that route with each fault in turn; None for always."""
        self.add(faults, times=times, target=route)

    def take(self, route: str) -> Fault | None:
        """The fault of a request, used up by one; None if it is to succeed."""
        return self.take_one(lambda target: fits(route, target))
