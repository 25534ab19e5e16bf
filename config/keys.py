"""How workspaces, channels, people and names are written in settings."""

import re
from typing import Annotated

from pydantic import AfterValidator

from config.phrases import shown

_PART = r"[^:\s]+"
_PLATFORM = r"[a-z][a-z0-9_-]*"


def _must_match(pattern: str, what: str, remedy: str, *, quoted: bool = True) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            subject = f"{shown(text)} " if quoted else ""
            raise ValueError(f"{subject}is not {what}; write it as {remedy}")
        return text

    return AfterValidator(check)


WorkspaceKey = Annotated[
    str, _must_match(rf"{_PLATFORM}:{_PART}", "a workspace", '"platform:workspace": "slack:T01"')
]
ChannelKey = Annotated[
    str,
    _must_match(
        rf"{_PLATFORM}:{_PART}(:{_PART})?",
        "a channel",
        '"platform:channel" or "platform:workspace:channel": "slack:C01"',
    ),
]
ChannelKeyOrEmpty = Annotated[
    str,
    _must_match(
        rf"({_PLATFORM}:{_PART}(:{_PART})?)?",
        "a channel",
        '"platform:channel" or "platform:workspace:channel": "slack:C01"',
    ),
]
UserKey = Annotated[
    str,
    _must_match(
        rf"{_PLATFORM}:{_PART}(:{_PART})?",
        "a person",
        '"platform:user" or "platform:workspace:user": "slack:U01"',
    ),
]
Name = Annotated[
    str,
    _must_match(
        r"[a-z0-9][a-z0-9_-]*", "a name", 'small letters, digits, "-" and "_", such as "weekly"'
    ),
]
HttpUrlOrEmpty = Annotated[
    # An address may hold a password.
    str,
    _must_match(r"(https?://\S+)?", "a web address", '"https://host:port"', quoted=False),
]
