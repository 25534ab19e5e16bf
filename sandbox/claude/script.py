"""Scripted replies: what the simulated model answers, and to what."""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.vocabulary import Usage
from sandbox.claude.asked import Asked
from sandbox.claude.pace import Pace


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool; it must be one of those the request offers."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One hit of a web search."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class WebSearch:
    """A web search that the provider runs itself."""

    query: str
    results: tuple[SearchResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model declines; `category` and `explanation` as in `stop_details`."""

    category: str | None = None
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says to one request, in this order: thinking, searches, text, tool calls.

    `stop_reason` None is what follows from the rest. `max_tokens`, stop sequences and the context
    window of the request still cut it. `usage` replaces what would be reported and billed.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - read by pydantic, never changed

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    searches: tuple[WebSearch, ...] = ()
    thinking_tokens: int = 0
    thinking: str = ""
    refusal: Refusal | None = None
    stop_reason: str | None = None
    pace: Pace | None = None
    usage: Usage | None = None

    @classmethod
    def of_json(cls, value: object) -> "Reply":
        """A reply whose text is that value as JSON."""
        return cls(json.dumps(value, ensure_ascii=False))

    @classmethod
    def refused(cls, category: str | None = None, *, after: str = "") -> "Reply":
        """A refusal, after some text if so wished."""
        return cls(after, refusal=Refusal(category))

    @classmethod
    def calling(cls, name: str, *, text: str = "", **arguments: object) -> "Reply":
        """A call of one tool."""
        return cls(text, tool_calls=(ToolCall(name, arguments),))


Scripted = Reply | str | Callable[[Asked], Reply | str]
"""A reply, its text alone, or a function that writes one."""


@dataclass(slots=True)
class _Rule:
    matches: Callable[[Asked], bool]
    replies: deque[Scripted]

    def take(self) -> Scripted:
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]


class Script:
    """Which reply a request gets.

    Asked in this order: `next` replies, oldest first, each used once; `when` rules, newest first;
    the `always` reply. Where nothing fits, the simulated model makes an answer up.
    """

    def __init__(self) -> None:
        self._next: deque[tuple[Callable[[Asked], bool], Scripted]] = deque()
        self._rules: list[_Rule] = []
        self._always: Scripted | None = None

    def next(
        self,
        *replies: Scripted,
        when: str | re.Pattern[str] | None = None,
        model: str | None = None,
    ) -> None:
        """One reply each for the next requests, or the next that fit."""
        self._next.extend((_condition(when, model), reply) for reply in replies)

    def when(
        self, pattern: str | re.Pattern[str], *replies: Scripted, model: str | None = None
    ) -> None:
        """The reply to every request whose last user text contains or matches `pattern`.

        Of several replies each is used in turn, the last one from then on.
        """
        if not replies:
            raise ValueError("give at least one reply")
        self._rules.insert(0, _Rule(_condition(pattern, model), deque(replies)))

    def always(self, reply: Scripted) -> None:
        """The reply to everything else; replaces the one set before."""
        self._always = reply

    def clear(self) -> None:
        """Forget all of it."""
        self._next.clear()
        self._rules.clear()
        self._always = None

    def choose(self, asked: Asked) -> Reply | None:
        """The reply to this request, used up where it is for one use; None if nothing fits."""
        chosen = self._chosen(asked)
        if callable(chosen):
            chosen = chosen(asked)
        return Reply(chosen) if isinstance(chosen, str) else chosen

    def _chosen(self, asked: Asked) -> Scripted | None:
        for waiting in self._next:
            if waiting[0](asked):
                self._next.remove(waiting)
                return waiting[1]
        for rule in self._rules:
            if rule.matches(asked):
                return rule.take()
        return self._always


def _condition(pattern: str | re.Pattern[str] | None, model: str | None) -> Callable[[Asked], bool]:
    def fits(asked: Asked) -> bool:
        if model is not None and model not in (asked.model.id, asked.model.snapshot):
            return False
        if pattern is None:
            return True
        if isinstance(pattern, str):
            return pattern in asked.text
        return pattern.search(asked.text) is not None

    return fits
