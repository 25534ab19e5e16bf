"""The official error responses.

https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes
"""

from collections.abc import Mapping
from typing import Any, Final

KNOWN: Final[Mapping[int, tuple[int, str]]] = {
    10002: (404, "Unknown Application"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10011: (404, "Unknown Role"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20028: (429, "The resource is being rate limited."),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40058: (400, "Cannot send a message in a forum channel"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (400, "Thread is locked"),
}
"""The status and the message of each code used here."""

_PLAIN: Final[Mapping[int, str]] = {
    400: "400: Bad Request",
    401: "401: Unauthorized",
    403: "403: Forbidden",
    404: "404: Not Found",
    405: "405: Method Not Allowed",
    413: "413: Request Entity Too Large",
    500: "500: Internal Server Error",
    502: "502: Bad Gateway",
    503: "503: Service Unavailable",
    504: "504: Gateway Timeout",
}


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        *,
        code: int = 0,
        message: str | None = None,
        errors: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message or KNOWN.get(code, (0, _PLAIN.get(status, f"{status}")))[1]
        self.errors = errors
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(f"{status} (error code: {code}): {self.message}")

    def body(self) -> dict[str, Any]:
        """The official JSON body."""
        body: dict[str, Any] = {"message": self.message, "code": self.code, **self.extra}
        if self.errors:
            body["errors"] = self.errors
        return body


def refusal(code: int) -> ApiError:
    """The error with this code, its usual status and message."""
    return ApiError(KNOWN[code][0], code=code)


class FormErrors:
    """What is wrong with a request's body, by field; a path reads `embeds.0.title`.

    https://discord.com/developers/docs/reference#error-messages
    """

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def add(self, path: str, code: str, message: str) -> None:
        """Something is wrong with that field."""
        place = self._tree
        for name in path.split("."):
            place = place.setdefault(name, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def too_long(self, path: str, text: object, most: int) -> None:
        """Complain if the text is longer than that."""
        if isinstance(text, str) and measure(text) > most:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")

    def too_many(self, path: str, parts: object, most: int) -> None:
        """Complain if there are more than that."""
        if isinstance(parts, list | tuple) and len(parts) > most:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")

    def missing(self, path: str) -> None:
        """Complain that the field is not there."""
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def finish(self) -> None:
        """Raise the `ApiError` that tells all of it, if there is anything to tell."""
        if self._tree:
            raise ApiError(400, code=50035, errors=self._tree)


def listed_objects(
    body: Mapping[str, Any], name: str, errors: FormErrors
) -> tuple[Mapping[str, Any], ...]:
    """The objects in a list of the body; complains about anything else, and leaves it out."""
    given = body.get(name) or []
    if not isinstance(given, list):
        errors.add(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType.")
        return ()
    for at, each in enumerate(given):
        if not isinstance(each, Mapping):
            text = "Only dictionaries may be used in a DictType."
            errors.add(f"{name}.{at}", "DICT_TYPE_CONVERT", text)
    return tuple(each for each in given if isinstance(each, Mapping))


def measure(text: str) -> int:
    """How long a text is for Discord: in code points, as its staff says
    (https://github.com/discord/discord-api-docs/issues/1315)."""
    return len(text)
