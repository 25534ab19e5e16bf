"""Streamed messages: `chat.startStream`, `chat.appendStream`, `chat.stopStream`.

https://docs.slack.dev/reference/methods/chat.startStream and its neighbours
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.slack.call import Answer, Call, Method, Methods
from sandbox.slack.content_rules import MARKDOWN_MAX_CHARS, check_blocks, read_metadata
from sandbox.slack.errors import SlackError, missing
from sandbox.slack.messages import Change, Content, Message, StreamState
from sandbox.slack.methods.places import channel_of, own_message, place_to_post
from sandbox.slack.platform import Platform

CHUNK_TYPES = ("markdown_text", "task_update", "plan_update", "blocks")
SESSION_STATUSES = ("active", "processing", "suspended", "closed")


class StreamMethods:
    """Writing a message while people watch."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        scopes = ("chat:write",)
        return {
            "chat.startStream": Method(self.start, scopes, tier=2),
            "chat.appendStream": Method(self.append, scopes, tier=4),
            "chat.stopStream": Method(self.stop, scopes, tier=2),
        }

    def start(self, call: Call) -> Answer:
        """Begin a message in a thread."""
        if not self._platform.world.workspace(call.team_id).streaming:
            raise SlackError("feature_not_enabled")
        channel = place_to_post(self._platform, call)
        thread_ts = call.args.required("thread_ts")
        root = self._platform.messages.get(channel.id, thread_ts)
        if root is None:
            raise SlackError("thread_not_found")
        recipient_id = call.args.text("recipient_user_id") or None
        if not channel.is_direct:
            for name in ("recipient_team_id", "recipient_user_id"):
                if not call.args.text(name):
                    raise SlackError(f"missing_{name}")
            if recipient_id not in {user.id for user in self._platform.world.users}:
                raise SlackError("invalid_recipient")
        content = _appended(Content(), call)
        message = Message(
            team_id=call.team_id,
            channel_id=channel.id,
            ts=self._platform.ids.ts(),
            user_id=call.installation.bot_user_id,
            bot_id=call.installation.bot_id,
            thread_ts=root.root_ts,
            stream=StreamState.STREAMING,
            stream_started_s=self._platform.clock.monotonic(),
            versions=self._platform.first_version(content),
        )
        self._platform.post(message)
        self._platform.surfaces.clear_text(channel.id, root.root_ts)
        return {"channel": channel.id, "ts": message.ts}

    def append(self, call: Call) -> Answer:
        """Write on."""
        message = self._streaming(call)
        content = _appended(message.content, call)
        if content == message.content:
            raise SlackError("no_text")
        self._platform.change(message, Change.APPENDED, content, silent=True)
        return {"channel": message.channel_id, "ts": message.ts}

    def stop(self, call: Call) -> Answer:
        """Write the rest and make an ordinary message of it."""
        message = self._streaming(call)
        status = call.args.text("session_status")
        if status and status not in SESSION_STATUSES:
            raise SlackError("invalid_session_status")
        blocks = call.args.objects("blocks", "invalid_blocks_format")
        check_blocks(blocks)
        metadata = read_metadata(call.args)
        content = _appended(message.content, call)
        content = replace(
            content,
            blocks=(*content.blocks, *blocks),
            metadata=metadata or content.metadata,
        )
        stopped = replace(message, stream=StreamState.STOPPED)
        changed = self._platform.change(stopped, Change.STOPPED, content)
        session = self._platform.surfaces.status(message.channel_id, message.root_ts).session
        if status or session is not None:
            self._platform.surfaces.set_session(
                message.channel_id, message.root_ts, status or "active"
            )
        return {
            "channel": message.channel_id,
            "ts": message.ts,
            "message": self._platform.payloads.message(changed, with_metadata=True),
        }

    def _streaming(self, call: Call) -> Message:
        channel = channel_of(self._platform, call)
        message = own_message(self._platform, call, channel, "message_not_owned_by_app")
        message = self._platform.with_stream_checked(message)
        if message.stream is StreamState.STOPPED_BY_USER:
            raise SlackError("stopped_by_user")
        if message.stream is not StreamState.STREAMING:
            raise SlackError("message_not_in_streaming_state")
        return message


def _appended(content: Content, call: Call) -> Content:
    """The content with what a call adds to it."""
    markdown = call.args.text("markdown_text")
    chunks = call.args.objects("chunks", "invalid_chunks")
    if markdown and chunks:
        raise SlackError("markdown_text_conflict")
    if len(markdown) + sum(len(_chunk_text(chunk)) for chunk in chunks) > MARKDOWN_MAX_CHARS:
        raise SlackError("msg_too_long")
    content = _written_on(content, markdown)
    for chunk in chunks:
        content = _with_chunk(content, chunk)
    return content


def _with_chunk(content: Content, chunk: Mapping[str, Any]) -> Content:
    kind = chunk.get("type")
    if kind not in CHUNK_TYPES:
        raise SlackError("invalid_chunks")
    if kind == "markdown_text":
        return _written_on(content, _chunk_text(chunk))
    if kind == "blocks":
        blocks = chunk.get("blocks")
        if not isinstance(blocks, list):
            raise missing("blocks")
        check_blocks(tuple(blocks))
        return replace(content, blocks=(*content.blocks, *blocks))
    if kind == "task_update" and not (chunk.get("id") and chunk.get("title")):
        raise SlackError("invalid_chunks")
    return content


def _written_on(content: Content, markdown: str) -> Content:
    whole = content.markdown + markdown
    return replace(content, markdown=whole, text=whole)


def _chunk_text(chunk: Mapping[str, Any]) -> str:
    return str(chunk.get("text") or "") if chunk.get("type") == "markdown_text" else ""
