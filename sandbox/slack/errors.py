"""Refusals of the Web API."""

from collections.abc import Mapping
from typing import Any


class SlackError(Exception):
    """A call that is answered with `ok: false`. `error` is the documented string."""

    def __init__(
        self,
        error: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = dict(headers or {})
        self.more = more

    def body(self) -> dict[str, Any]:
        """The answer."""
        return {"ok": False, "error": self.error, **self.more}


def missing(*names: str) -> SlackError:
    """A call without what it needs, as Slack words it."""
    messages = [f"[ERROR] missing required field: {name}" for name in names]
    return SlackError("invalid_arguments", response_metadata={"messages": messages})
