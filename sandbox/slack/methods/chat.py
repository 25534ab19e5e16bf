"""`chat.*`, but for streams: posting, editing, deleting."""

from dataclasses import replace

from sandbox.slack.call import Answer, Args, Call, Method, Methods
from sandbox.slack.content_rules import read_content
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Change, Content, Message, StreamState
from sandbox.slack.methods.places import channel_of, own_message, place_to_post
from sandbox.slack.platform import Platform

WRITE = ("chat:write",)


class ChatMethods:
    """Posting and changing messages."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        return {
            "chat.postMessage": Method(self.post, WRITE, tier=0),
            "chat.update": Method(self.update, WRITE, tier=3),
            "chat.delete": Method(self.delete, WRITE, tier=3),
            "chat.postEphemeral": Method(self.post_ephemeral, WRITE, tier=4),
            "chat.getPermalink": Method(self.permalink, tier=0),
        }

    def post(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.postMessage"""
        channel = place_to_post(self._platform, call)
        content = read_content(call.args)
        thread_ts = call.args.text("thread_ts") or None
        if thread_ts is not None:
            thread_ts = self._root_of(channel.id, thread_ts)
        message = Message(
            team_id=call.team_id,
            channel_id=channel.id,
            ts=self._platform.ids.ts(),
            user_id=call.installation.bot_user_id,
            bot_id=call.installation.bot_id,
            thread_ts=thread_ts,
            broadcast=thread_ts is not None and call.args.flag("reply_broadcast"),
            subtype="bot_message" if call.args.text("username") else None,
            username=call.args.text("username") or None,
            versions=self._platform.first_version(content),
        )
        self._platform.post(message)
        self._clear_status(message)
        shown = self._platform.payloads.message(message, with_metadata=True)
        return {"channel": channel.id, "ts": message.ts, "message": shown}

    def update(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.update"""
        channel = channel_of(self._platform, call)
        message = own_message(self._platform, call, channel, "cant_update_message")
        if channel.archived:
            raise SlackError("is_inactive")
        message = self._platform.with_stream_checked(message)
        if message.stream is StreamState.STREAMING:
            raise SlackError("streaming_state_conflict")
        content = _merged(message.content, read_content(call.args, updating=True), call.args)
        edited = message
        if not content.blocks:  # "edited" is shown for text alone
            edited = replace(message, edited_ts=self._platform.ids.ts(), edited_by=message.user_id)
        changed = self._platform.change(edited, Change.EDITED, content)
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": changed.text,
            "message": self._platform.payloads.message(changed, with_metadata=True),
        }

    def delete(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.delete"""
        channel = channel_of(self._platform, call)
        message = own_message(self._platform, call, channel, "cant_delete_message")
        self._platform.delete(message)
        return {"channel": channel.id, "ts": message.ts}

    def post_ephemeral(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.postEphemeral"""
        channel = place_to_post(self._platform, call)
        content = read_content(call.args)
        user_id = call.args.required("user")
        if user_id not in channel.members:
            raise SlackError("user_not_in_channel")
        message = self._platform.post_ephemeral(
            call.installation,
            channel,
            content,
            user_id=user_id,
            thread_ts=call.args.text("thread_ts") or None,
        )
        return {"message_ts": message.ts}

    def permalink(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/chat.getPermalink"""
        channel = channel_of(self._platform, call)
        ts = call.args.required("message_ts")
        message = self._platform.messages.get(channel.id, ts)
        if message is None or message.deleted_at is not None:
            raise SlackError("message_not_found")
        return {"channel": channel.id, "permalink": self._platform.permalink(message)}

    def _root_of(self, channel_id: str, thread_ts: str) -> str:
        """The thread that a `thread_ts` means: a reply's own `ts` stands for its thread."""
        found = self._platform.messages.get(channel_id, thread_ts)
        if found is None:
            return thread_ts  # accepted: the reply then hangs in a thread without a beginning
        return found.root_ts

    def _clear_status(self, message: Message) -> None:
        """A reply takes the status of its thread away (assistant.threads.setStatus)."""
        self._platform.surfaces.clear_text(message.channel_id, message.root_ts)


def _merged(before: Content, given: Content, args: Args) -> Content:
    """The content after an update: what it does not give stays, but for blocks beside a new text.

    https://docs.slack.dev/reference/methods/chat.update, arguments `blocks` and `metadata`
    """
    kept = replace(given, files=before.files)
    if args.given.get("metadata") is None:
        kept = replace(kept, metadata=before.metadata)
    if args.given.get("attachments") is None:
        kept = replace(kept, attachments=before.attachments)
    if not (given.text or given.blocks):
        kept = replace(kept, text=before.text, blocks=before.blocks, markdown=before.markdown)
    return kept
