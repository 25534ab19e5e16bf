"""From what a person typed to a command's name and arguments."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

from bot.plugins.declarations import CommandSpec
from bot.plugins.signature import WrongArguments

_CALLED = re.compile(r"/([a-z0-9][a-z0-9-]*)(?:\s+|$)", re.IGNORECASE)
_MARKS = re.compile(r"[.!?]+$")


@dataclass(frozen=True, slots=True)
class Called:
    """A command as it was called. `bare`: by its name alone, without the slash."""

    name: str
    rest: str
    bare: bool


def called(text: str) -> Called | None:
    """The command in a message: `/name …`, or the bare name and nothing else."""
    said = text.strip()
    found = _CALLED.match(said)
    if found is not None:
        return Called(found[1].lower(), said[found.end() :].strip(), bare=False)
    word = _MARKS.sub("", said)
    if word and " " not in word and "\n" not in word and len(word) <= 32:
        return Called(word.lower(), "", bare=True)
    return None


def arguments(spec: CommandSpec, rest: str) -> dict[str, Any]:
    """The arguments in the rest of the line. Raises `WrongArguments`."""
    given: dict[str, Any] = {}
    for parameter in spec.signature.parameters:
        if parameter.takes_rest:
            if rest:
                given[parameter.name] = _unquoted(rest)
            rest = ""
            break
        word, rest = _word(rest)
        if word is None:
            break
        given[parameter.name] = word
    if rest:
        raise WrongArguments("there is more than the command takes")
    return spec.signature.arguments(given)


def _word(rest: str) -> tuple[str | None, str]:
    """The next word, which may be quoted, and what is left; an apostrophe is no quotation mark."""
    if not rest:
        return None, ""
    if rest[0] in "\"'":
        closing = rest.find(rest[0], 1)
        if closing > 0:
            return rest[1:closing], rest[closing + 1 :].strip()
    word, _, left = rest.partition(" ")
    return word, left.strip()


def _unquoted(rest: str) -> str:
    """Text that is one quotation as a whole loses its quotation marks."""
    if len(rest) > 1 and rest[0] == rest[-1] == '"':
        try:
            words = shlex.split(rest)
        except ValueError:
            return rest
        return words[0] if len(words) == 1 else rest
    return rest
