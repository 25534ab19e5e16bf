"""`assistant.threads.*` and `agents.sessions.*`: what the app says it is doing in a thread.

https://docs.slack.dev/ai/agent-sessions
"""

from dataclasses import replace

from sandbox.slack.call import Answer, Call, Method, Methods
from sandbox.slack.errors import SlackError
from sandbox.slack.methods.places import channel_of
from sandbox.slack.methods.streams import SESSION_STATUSES
from sandbox.slack.platform import Platform

MAX_LOADING_MESSAGES = 10
MAX_PROMPTS = 4
TITLE_MAX_CHARS = 200
SCOPES = ("chat:write", "assistant:write")


class AgentMethods:
    """Signs of life."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        return {
            "assistant.threads.setStatus": Method(self.set_status, SCOPES, tier=0),
            "assistant.threads.setTitle": Method(self.set_title, ("assistant:write",), tier=0),
            "assistant.threads.setSuggestedPrompts": Method(
                self.set_prompts, ("assistant:write",), tier=0
            ),
            "agents.sessions.setStatus": Method(self.set_session, ("chat:write",), tier=3),
            "agents.sessions.rename": Method(self.set_title, ("chat:write",), tier=3),
        }

    def set_status(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/assistant.threads.setStatus"""
        channel_id, thread_ts = self._thread(call)
        loading = call.args.structure("loading_messages") or []
        if len(loading) > MAX_LOADING_MESSAGES:
            raise SlackError("invalid_arguments")
        self._platform.surfaces.set_text(channel_id, thread_ts, call.args.text("status"))
        return {}

    def set_title(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/assistant.threads.setTitle"""
        channel_id, thread_ts = self._thread(call)
        title = call.args.required("title")
        if len(title) > TITLE_MAX_CHARS:
            raise SlackError("title_too_long")
        before = self._platform.surfaces.status(channel_id, thread_ts)
        self._platform.surfaces.keep_status(replace(before, title=title))
        return {}

    def set_prompts(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts"""
        channel = channel_of(self._platform, call, "channel_id")
        prompts = call.args.objects("prompts")
        if not 0 < len(prompts) <= MAX_PROMPTS:
            raise SlackError("invalid_arguments")
        before = self._platform.surfaces.status(channel.id, call.args.text("thread_ts"))
        self._platform.surfaces.keep_status(replace(before, prompts=prompts))
        return {}

    def set_session(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/agents.sessions.setStatus"""
        status = call.args.required("status")
        if status not in SESSION_STATUSES:
            raise SlackError("invalid_status")
        channel_id, thread_ts = self._thread(call)
        kept = self._platform.surfaces.set_session(channel_id, thread_ts, status)
        if kept.title is None and call.args.text("title"):
            kept = replace(kept, title=call.args.text("title")[:TITLE_MAX_CHARS])
            self._platform.surfaces.keep_status(kept)
        answer: Answer = {"agent_status": status, "title": kept.title}
        if "agent_session_stopped" in self._platform.announcer.unsubscribed:
            answer["warning"] = "missing_agent_session_stopped_event_subscription"
        return answer

    def _thread(self, call: Call) -> tuple[str, str]:
        channel = channel_of(self._platform, call, "channel_id")
        if call.installation.bot_user_id not in channel.members:
            raise SlackError("not_in_channel")
        return channel.id, call.args.required("thread_ts")
