"""What the app shows beside messages: its status in a thread, modals, and its home."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.vocabulary import Clock
from sandbox.feed import Feed
from sandbox.slack.errors import SlackError
from sandbox.slack.ids import Ids
from sandbox.slack.world import Installation

STATUS_LIFETIME_S = 120.0
"""A status goes away by itself: assistant.threads.setStatus."""
TRIGGER_LIFETIME_S = 3.0
"""https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses"""

View = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """What the app says of a thread: the words below it, and the session's status and title."""

    channel_id: str
    thread_ts: str
    text: str = ""
    until_s: float = 0.0
    session: str | None = None
    title: str | None = None
    prompts: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class Surfaces:
    """All of it."""

    clock: Clock
    ids: Ids
    feed: Feed
    homes: dict[str, View] = field(default_factory=dict)
    """The app's home, by person."""
    views: dict[str, View] = field(default_factory=dict)
    status_log: list[AgentStatus] = field(default_factory=list)
    """Every status there ever was, oldest first."""
    _statuses: dict[tuple[str, str], AgentStatus] = field(default_factory=dict)
    _triggers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _viewers: dict[str, str] = field(default_factory=dict)

    def status(self, channel_id: str, thread_ts: str) -> AgentStatus:
        """What is shown of a thread now."""
        nothing = AgentStatus(channel_id=channel_id, thread_ts=thread_ts)
        found = self._statuses.get((channel_id, thread_ts), nothing)
        if found.text and self.clock.monotonic() > found.until_s:
            found = replace(found, text="")
        return found

    def keep_status(self, status: AgentStatus) -> AgentStatus:
        """Show it."""
        self._statuses[status.channel_id, status.thread_ts] = status
        self.status_log.append(status)
        self.feed.add(
            "status",
            {
                "channel": status.channel_id,
                "thread_ts": status.thread_ts,
                "text": status.text,
                "session": status.session,
            },
        )
        return status

    def set_text(self, channel_id: str, thread_ts: str, text: str) -> None:
        """The words below a thread; empty takes them away."""
        until_s = self.clock.monotonic() + STATUS_LIFETIME_S
        before = self.status(channel_id, thread_ts)
        self.keep_status(replace(before, text=text, until_s=until_s))

    def set_session(self, channel_id: str, thread_ts: str, session: str) -> AgentStatus:
        """The session's status."""
        return self.keep_status(replace(self.status(channel_id, thread_ts), session=session))

    def clear_text(self, channel_id: str, thread_ts: str) -> None:
        """Take the words away, as every message of the app does in its thread."""
        if self.status(channel_id, thread_ts).text:
            self.set_text(channel_id, thread_ts, "")

    def new_trigger(self, user_id: str) -> str:
        """A `trigger_id`: it opens one modal for that person, if used at once."""
        trigger = f"{self.ids.secret()}.{user_id}"
        self._triggers[trigger] = (user_id, self.clock.monotonic() + TRIGGER_LIFETIME_S)
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """Whom a trigger belongs to. Raises `invalid_trigger_id`, `expired_trigger_id`."""
        user_id, until_s = self._triggers.pop(trigger, ("", 0.0))
        if not user_id:
            raise SlackError("invalid_trigger_id")
        if self.clock.monotonic() > until_s:
            raise SlackError("expired_trigger_id")
        return user_id

    def show_view(self, installation: Installation, view: View, user_id: str, app_id: str) -> View:
        """Open a modal, or show a home."""
        view_id = self.ids.entity("V")
        whole = self._completed(view) | {
            "id": view_id,
            "team_id": installation.team_id,
            "bot_id": installation.bot_id,
            "app_id": app_id,
            "root_view_id": view_id,
        }
        self.views[view_id] = whole
        self._viewers[view_id] = user_id
        self.feed.add("view", {"view": view_id, "user": user_id})
        return whole

    def replace_view(self, view_id: str, view: View) -> View:
        """Show something else in its place."""
        whole = self.views[view_id] | self._completed(view)
        self.views[view_id] = whole
        self.feed.add("view", {"view": view_id, "user": self._viewers[view_id]})
        return whole

    def close_view(self, view_id: str) -> None:
        """Take a modal away."""
        self.views.pop(view_id, None)
        self.feed.add("view_closed", {"view": view_id})

    def viewer_of(self, view_id: str) -> str:
        """Who sees it."""
        return self._viewers[view_id]

    def clear(self) -> None:
        """Show nothing."""
        for kept in (self.homes, self.views, self._statuses, self._triggers, self._viewers):
            kept.clear()
        self.status_log.clear()

    def _completed(self, view: View) -> View:
        defaults = {"callback_id": "", "private_metadata": "", "external_id": "", "title": None}
        return {
            **defaults,
            **view,
            "state": {"values": {}},
            "hash": self.ids.secret(),
            "clear_on_close": bool(view.get("clear_on_close")),
            "notify_on_close": bool(view.get("notify_on_close")),
        }
