"""`conversations.history` and `conversations.replies`: what was said."""

from collections.abc import Sequence

from sandbox.slack.call import Answer, Args, Call, Method, Methods
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Message
from sandbox.slack.methods.places import channel_of
from sandbox.slack.paging import page
from sandbox.slack.payloads import Body
from sandbox.slack.platform import Platform
from sandbox.slack.world import Channel

SCOPES = ("channels:history", "groups:history", "im:history", "mpim:history")


class HistoryMethods:
    """Reading what was said."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        return {
            "conversations.history": Method(self.history, SCOPES, tier=3),
            "conversations.replies": Method(self.replies, SCOPES, tier=3),
        }

    def history(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/conversations.history: newest first."""
        channel = self._readable(call)
        said = [
            message
            for message in reversed(self._platform.messages.of_channel(channel.id))
            if message.in_channel and self._shown(message) and _between(message, call.args)
        ]
        messages, more = page(said, call.args)
        return {
            "messages": [self._body(message, call.args) for message in messages],
            "has_more": bool(more["response_metadata"]["next_cursor"]),
            "pin_count": 0,
            **more,
        }

    def replies(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/conversations.replies: oldest first, and the
        first message of the thread on every page."""
        channel = self._readable(call)
        ts = call.args.required("ts")
        root = self._platform.messages.get(channel.id, ts)
        if root is None or not self._shown(root):
            raise SlackError("thread_not_found")
        replies = [
            message
            for message in self._platform.messages.of_thread(channel.id, root.ts)
            if message.ts != root.ts and self._shown(message) and _between(message, call.args)
        ]
        messages, more = page(replies, call.args)
        return {
            "messages": [self._body(message, call.args) for message in (root, *messages)],
            "has_more": bool(more["response_metadata"]["next_cursor"]),
            **more,
        }

    def _readable(self, call: Call) -> Channel:
        channel = channel_of(self._platform, call)
        if call.installation.bot_user_id not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def _shown(self, message: Message) -> bool:
        """Ephemeral messages are in no history, and deleted ones only where replies remain."""
        if message.ephemeral_for is not None:
            return False
        return message.deleted_at is None or bool(self._replies_of(message))

    def _replies_of(self, message: Message) -> Sequence[Message]:
        if message.thread_ts not in (None, message.ts):
            return ()
        thread = self._platform.messages.of_thread(message.channel_id, message.ts)
        return [
            each
            for each in thread
            if each.ts != message.ts and each.deleted_at is None and each.ephemeral_for is None
        ]

    def _body(self, message: Message, args: Args) -> Body:
        replies = self._replies_of(message)
        facts = self._platform.payloads.thread_facts(message, replies)
        if message.deleted_at is not None:
            return self._platform.payloads.tombstone(message) | facts
        with_metadata = args.flag("include_all_metadata")
        return self._platform.payloads.message(message, with_metadata=with_metadata) | facts


def _between(message: Message, args: Args) -> bool:
    """Later than `oldest` and earlier than `latest`; either may be included."""
    at = _number(message.ts)
    oldest, latest = _number(args.text("oldest")), _number(args.text("latest"))
    if args.flag("inclusive"):
        return (not oldest or at >= oldest) and (not latest or at <= latest)
    return (not oldest or at > oldest) and (not latest or at < latest)


def _number(ts: str) -> int:
    """A timestamp in microseconds; 0 for none. Whole seconds are fine."""
    if not ts:
        return 0
    seconds, _, fraction = ts.partition(".")
    try:
        return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6] or 0)
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None
