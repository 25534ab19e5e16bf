"""The simulated Slack behind its HTTP face: everything it knows, remembers and was told to do."""

from collections.abc import Callable
from dataclasses import replace

from bot.vocabulary import Clock
from sandbox.changes import Changes
from sandbox.feed import Feed
from sandbox.slack.announcer import Announcer
from sandbox.slack.courier import Courier
from sandbox.slack.faults import Faults
from sandbox.slack.holds import Holds
from sandbox.slack.http_push import HttpPush
from sandbox.slack.ids import Ids
from sandbox.slack.limits import RateLimiter, RateLimits
from sandbox.slack.messages import (
    Change,
    Content,
    Message,
    Messages,
    SharedFile,
    StreamState,
    Version,
)
from sandbox.slack.payloads import Payloads
from sandbox.slack.request_log import RequestLog
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.sockets import Sockets
from sandbox.slack.surfaces import Surfaces
from sandbox.slack.world import Channel, Installation, World

STREAM_LIFETIME_S = 300.0
"""How long a stream may be written to. Not documented; seen by many to be about five minutes
(https://github.com/slackapi/python-slack-sdk/issues/1859)."""


class Platform:
    """State that the Web API, the people and the controls share."""

    def __init__(
        self,
        *,
        clock: Clock,
        random_bits: Callable[[int], int],
        limits: RateLimits,
        address: Callable[[], str],
        world: Callable[[Ids], World],
    ) -> None:
        self.clock = clock
        self.address = address
        self.changes = Changes("Slack")
        self.feed = Feed(clock=clock, changes=self.changes)
        self.ids = Ids(clock=clock, random_bits=random_bits)
        self.world = world(self.ids)
        self.messages = Messages()
        self.files: dict[str, SharedFile] = {}
        self.file_contents: dict[str, bytes] = {}
        self.surfaces = Surfaces(clock, self.ids, self.feed)
        self.oauth_codes: dict[str, str] = {}
        """The workspace that each OAuth code is for; a code is used once."""
        self.response_urls = ResponseUrls(self)
        self.log = RequestLog(self.changes)
        self.faults = Faults()
        self.holds = Holds(self.changes)
        self.limiter = RateLimiter(clock, limits)
        self.stream_lifetime_s = STREAM_LIFETIME_S
        self.payloads = Payloads(self.world, self.messages, self.base_url)
        self.sockets = Sockets(
            clock=clock,
            ids=self.ids,
            changes=self.changes,
            app_id=self.world.app.id,
            address=address,
        )
        self.push: HttpPush | None = None
        """The app's address, if events go there."""
        self.courier = Courier(clock=clock, changes=self.changes, route=self.sockets)
        self.announcer = Announcer(
            clock=clock,
            ids=self.ids,
            world=self.world,
            payloads=self.payloads,
            courier=self.courier,
        )

    def base_url(self) -> str:
        """Where it listens."""
        return f"http://{self.address()}"

    def post(self, message: Message, *, silent: bool = False) -> Message:
        """Show a new message and tell the app; `silent` for one that makes no event."""
        self.messages.keep(message)
        self._note("message", message)
        if not silent and message.ephemeral_for is None:
            self.announcer.posted(message)
        return message

    def change(
        self, message: Message, change: Change, content: Content, *, silent: bool = False
    ) -> Message:
        """Replace what a message says and tell the app."""
        changed = message.with_version(self.clock.now(), change, content)
        self.messages.keep(changed)
        self._note("message_changed", changed)
        if not silent and message.ephemeral_for is None:
            self.announcer.changed(changed, message)
        return changed

    def delete(self, message: Message) -> Message:
        """Take a message away and tell the app."""
        deleted = replace(message, deleted_at=self.clock.now())
        self.messages.keep(deleted)
        self._note("message_deleted", deleted)
        if message.ephemeral_for is None:
            thread = self.messages.of_thread(message.channel_id, message.ts)
            replies = [each for each in thread if each.ts != message.ts and not each.deleted_at]
            self.announcer.deleted(message, has_replies=bool(replies))
        return deleted

    def post_ephemeral(
        self,
        installation: Installation,
        channel: Channel,
        content: Content,
        *,
        user_id: str,
        thread_ts: str | None = None,
    ) -> Message:
        """Show something to one person alone."""
        return self.post(
            Message(
                team_id=installation.team_id,
                channel_id=channel.id,
                ts=self.ids.ts(),
                user_id=installation.bot_user_id,
                bot_id=installation.bot_id,
                thread_ts=thread_ts,
                ephemeral_for=user_id,
                versions=self.first_version(content),
            )
        )

    def permalink(self, message: Message) -> str:
        """Where a browser finds a message."""
        domain = self.world.workspace(message.team_id).domain
        address = f"https://{domain}.slack.com/archives/{message.channel_id}/p"
        address += message.ts.replace(".", "")
        if message.thread_ts not in (None, message.ts):
            address += f"?thread_ts={message.thread_ts}&cid={message.channel_id}"
        return address

    def with_stream_checked(self, message: Message) -> Message:
        """The message, its stream expired if its time is over."""
        if message.stream is not StreamState.STREAMING:
            return message
        age_s = self.clock.monotonic() - message.stream_started_s
        if age_s < self.stream_lifetime_s:
            return message
        expired = replace(message, stream=StreamState.EXPIRED)
        self.note_message(expired)
        return expired

    def first_version(self, content: Content) -> tuple[Version, ...]:
        """How a message's history begins."""
        return (Version(self.clock.now(), Change.POSTED, content),)

    def note_message(self, message: Message, kind: str = "message_changed") -> None:
        """Tell those who follow along that a message looks different now."""
        self.messages.keep(message)
        self._note(kind, message)

    def reset(self) -> None:
        """Forget what was said, asked and scripted; the world and the connections stay."""
        self.messages.clear()
        self.files.clear()
        self.file_contents.clear()
        self.surfaces.clear()
        self.response_urls.clear()
        self.log.clear()
        self.faults.clear()
        self.holds.release()
        self.limiter.change(self.limiter.limits)
        self.courier.clear()
        self.feed.add("reset", {})

    def _note(self, kind: str, message: Message) -> None:
        self.feed.add(
            kind,
            {"channel": message.channel_id, "ts": message.ts, "thread_ts": message.thread_ts},
        )
