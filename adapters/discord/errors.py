"""What Discord refuses, translated once into the port's errors.

The codes are those of https://discord.com/developers/docs/topics/opcodes-and-status-codes#json.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.ports import MessageGone, PlatformError, PlatformUnavailable, ThreadGone

UNKNOWN_MESSAGE: Final = 10008
UNKNOWN_CHANNEL: Final = 10003
UNKNOWN_WEBHOOK: Final = 10015
THREAD_EXISTS: Final = 160004

_NOBODY_TO_TELL: Final[Mapping[int, str]] = {
    UNKNOWN_CHANNEL: "the channel or thread is gone",
    10004: "the bot is not in this server any more",
    50001: "the bot does not see this channel: give it View Channel there",
    50007: "this person takes no direct messages from the bot",
    50013: "the bot may not do this here: give it Send Messages, Send Messages in Threads, Read "
    "Message History, Attach Files and Embed Links",
    50278: "the bot and this person share no server any more",
    160002: "the bot may not reply here: give it Read Message History",
    160005: "the thread is locked",
}

_TOKEN_OVER: Final = frozenset({UNKNOWN_WEBHOOK, 10062, 50027})
"""Unknown webhook, unknown interaction, invalid webhook token."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success."""

    status: int
    code: int
    message: str
    fields: str = ""
    """Which parts of the request were wrong, as JSON."""


class Refused(PlatformError):
    """Discord refused what it was asked."""

    def __init__(self, said: str, *, status: int, code: int) -> None:
        super().__init__(said)
        self.status = status
        self.code = code


class Forbidden(ThreadGone):
    """Nothing can be said or done here; `remedy` is the operator's."""

    def __init__(self, said: str, *, code: int, remedy: str) -> None:
        super().__init__(said)
        self.code = code
        self.remedy = remedy


class InteractionOver(Refused):
    """An interaction's token serves no more (https://discord.com/developers/docs/interactions/
    receiving-and-responding: 15 minutes)."""


class TokenRefused(Refused):
    """The bot's token is not accepted."""


def refusal_of(status: int, body: Any) -> Refusal:
    """What an error's body says."""
    if not isinstance(body, Mapping):
        return Refusal(status, 0, str(body)[:200])
    fields = str(body["errors"])[:500] if body.get("errors") else ""
    return Refusal(status, int(body.get("code") or 0), str(body.get("message") or ""), fields)


def error_of(refusal: Refusal, *, asked: str) -> PlatformError:
    """The port's error for an answer to `asked`, such as `POST /channels/1/messages`."""
    status, code = refusal.status, refusal.code
    said = f"{asked}: {status} {refusal.message} ({code}) {refusal.fields}".strip()
    if status >= 500 or status < 300:  # a success that is no JSON comes from somebody in between
        return PlatformUnavailable(said)
    if code == UNKNOWN_MESSAGE:
        return MessageGone(said)
    if code in _NOBODY_TO_TELL:
        return Forbidden(said, code=code, remedy=_NOBODY_TO_TELL[code])
    if code in _TOKEN_OVER:
        return InteractionOver(said, status=status, code=code)
    if status == 401:
        return TokenRefused(said, status=status, code=code)
    return Refused(said, status=status, code=code)
