"""What Discord writes as codes, as people would read it.

The codes: https://discord.com/developers/docs/reference#message-formatting
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_CODE: Final = re.compile(
    r"<@!?(?P<user>\d+)>"
    r"|<@&(?P<role>\d+)>"
    r"|<#(?P<channel>\d+)>"
    r"|<a?:(?P<emoji>\w{2,32}):\d+>"
    r"|<t:(?P<time>-?\d{1,13})(?::[tTdDfFR])?>"
    r"|</(?P<command>[^:>\n]{1,100}):\d+>"
)
_USER: Final = re.compile(r"<@!?(\d+)>")


@dataclass(frozen=True, slots=True)
class Names:
    """Who and what is called how; None where that is not known."""

    users: Mapping[str, str]
    role: Callable[[str], str | None] = lambda _: None
    channel: Callable[[str], str | None] = lambda _: None


def readable(text: str, names: Names) -> str:
    """The text with names in place of codes; a code whose name is not known stays."""
    if "<" not in text:
        return text
    return _CODE.sub(lambda code: _name(code, names) or code[0], text)


def without_address(text: str, own: Collection[str]) -> str:
    """The text without a mention of the bot at its beginning or end, where it only says who is
    meant. `own` are the codes that mean the bot."""
    codes = "|".join(re.escape(code) for code in own)
    text = re.sub(rf"\A\s*(?:(?:{codes})[,:]?\s*)+", "", text)
    return re.sub(rf"(?:\s*(?:{codes}))+\s*\Z", "", text)


def mentioned_users(text: str) -> list[str]:
    """The ids of the people a text mentions, each once, in order."""
    return list(dict.fromkeys(_USER.findall(text)))


def codes_left(text: str) -> tuple[set[str], set[str], set[str]]:
    """The users, roles and channels that stand in a text as codes."""
    found: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for code in _CODE.finditer(text):
        for kind, ids in zip(("user", "role", "channel"), found, strict=True):
            if code[kind]:
                ids.add(code[kind])
    return found


def _name(code: re.Match[str], names: Names) -> str | None:
    match code.lastgroup:
        case "user":
            return _prefixed("@", names.users.get(code["user"]))
        case "role":
            return _prefixed("@", names.role(code["role"]))
        case "channel":
            return _prefixed("#", names.channel(code["channel"]))
        case "emoji":
            return f":{code['emoji']}:"
        case "command":
            return f"/{code['command']}"
        case _:
            return _moment(int(code["time"]))


def _prefixed(prefix: str, name: str | None) -> str | None:
    return f"{prefix}{name}" if name else None


def _moment(seconds: int) -> str | None:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return None
