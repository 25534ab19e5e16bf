"""Keeping secrets out of whatever is written for people to read."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Final

HIDDEN: Final = "[hidden]"

MIN_SECRET_CHARS: Final = 6
"""Shorter values are not hidden: no service issues them, and hiding "a" would ruin every line."""

SECRET_KEYS: Final = frozenset(
    {"api_key", "apikey", "authorization", "cookie", "password", "secret", "token", "x-api-key"}
)
"""Names whose value is hidden whatever it looks like."""

_TOKEN_SHAPES: Final = (
    r"sk-ant-[\w-]{4,}",  # Anthropic
    r"xox[a-z](?:\.[a-z]+)?-[\w.-]{4,}",  # Slack: bot, user, refresh and configuration tokens
    r"xapp-[\w-]{4,}",  # Slack: app-level
    r"[MNO][A-Za-z\d_-]{22,27}\.[\w-]{6}\.[\w-]{27,}",  # Discord: base64 of the id, time, signature
    r"(?<=[Bb]earer )[\w.~+/=-]{4,}",
    r"(?<=Bot )[\w-]{10,}\.[\w.-]{10,}",  # Discord's Authorization header
    r"(?<=://)[^\s/@:\"']*:[^\s/@\"']+(?=@)",  # user:password in an address
)


class Redactor:
    """Hides known secrets, and anything shaped like a token, in text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        known = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
        self._replace: Callable[[str, str], str] = re.compile(
            "|".join([*known, *_TOKEN_SHAPES])
        ).sub

    def redact(self, text: str) -> str:
        """The text with each secret replaced by `[hidden]`."""
        return self._replace(HIDDEN, text)


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as it reads inside a Python repr, inside JSON, and inside both."""
    if len(secret) < MIN_SECRET_CHARS:
        return set()
    plain = {secret, repr(secret)[1:-1]}
    return plain | {
        json.dumps(form, ensure_ascii=escaped)[1:-1] for form in plain for escaped in (True, False)
    }
