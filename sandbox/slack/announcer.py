"""Telling the app what happened: events as the Events API sends them.

https://docs.slack.dev/apis/events-api and the pages of the events
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.vocabulary import Clock
from sandbox.slack.courier import Courier
from sandbox.slack.envelopes import EnvelopeKind
from sandbox.slack.ids import Ids
from sandbox.slack.messages import Message
from sandbox.slack.payloads import Body, Payloads
from sandbox.slack.world import Channel, Installation, World

_BY_SLACK = ("channel_join", "group_join")
"""Subtypes of lines that Slack writes; they name people, but mention nobody."""


class MentionOrder(StrEnum):
    """In which order the two events of a post that mentions the bot are sent."""

    MENTION_FIRST = "mention_first"
    MESSAGE_FIRST = "message_first"


class Announcer:
    """Makes events of what happened and hands them to the courier."""

    def __init__(
        self, *, clock: Clock, ids: Ids, world: World, payloads: Payloads, courier: Courier
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._world = world
        self._payloads = payloads
        self._courier = courier
        self.mention_order = MentionOrder.MENTION_FIRST
        self.unsubscribed: frozenset[str] = frozenset()
        """Events that the app has not subscribed to, as its settings name them: `message.channels`."""

    def posted(self, message: Message) -> None:
        """A message: `message`, and `app_mention` if it mentions the bot outside a direct message."""
        channel = self._world.channel(message.channel_id)
        for installation in self._world.listeners(channel):
            body = self._payloads.message(message)
            events = [self._located(body, channel, message.ts)]
            if self._mentions(message, installation) and not channel.is_direct:
                events.append(self._mention(body, channel, message.ts))
            if self.mention_order is MentionOrder.MENTION_FIRST:
                events.reverse()
            for event in events:
                self.send(installation, event, channel)

    def changed(self, message: Message, before: Message) -> None:
        """`message_changed`; and `app_mention` if only the edit mentions the bot."""
        channel = self._world.channel(message.channel_id)
        event_ts = self._ids.ts()
        for installation in self._world.listeners(channel):
            body = self._payloads.message(message)
            event = self._hidden(channel, "message_changed", event_ts) | {
                "message": body,
                "previous_message": self._payloads.message(before),
            }
            self.send(installation, event, channel)
            mentions = self._mentions(message, installation)
            if mentions and not self._mentions(before, installation) and not channel.is_direct:
                self.send(installation, self._mention(body, channel, event_ts), channel)

    def deleted(self, message: Message, *, has_replies: bool) -> None:
        """`message_deleted`; where replies remain, `message_changed` to a tombstone."""
        channel = self._world.channel(message.channel_id)
        event_ts = self._ids.ts()
        before = self._payloads.message(message)
        for installation in self._world.listeners(channel):
            if has_replies:
                event = self._hidden(channel, "message_changed", event_ts) | {
                    "message": self._payloads.tombstone(message),
                    "previous_message": before,
                }
            else:
                event = self._hidden(channel, "message_deleted", event_ts) | {
                    "deleted_ts": message.ts,
                    "previous_message": before,
                }
            self.send(installation, event, channel)

    def happened(
        self, event_type: str, body: Mapping[str, Any], channel: Channel, *, always: bool = False
    ) -> None:
        """Any other event in a channel; `always` tells it even where the bot is no member any more."""
        event = {"type": event_type, **body, "event_ts": self._ids.ts()}
        if always:
            self.send(self._world.installation(channel.team_id), event, channel)
            return
        for installation in self._world.listeners(channel):
            self.send(installation, event, channel)

    def send(
        self, installation: Installation, event: Mapping[str, Any], channel: Channel | None = None
    ) -> None:
        """Hand one event of one workspace to the courier, if the app has subscribed to it."""
        label = str(event["type"])
        if _subscription(event) in self.unsubscribed:
            return
        shared = channel is not None and bool(channel.shared_with)
        payload: Body = {
            "token": self._world.app.verification_token,
            "team_id": installation.team_id,
            "context_team_id": installation.team_id,
            "context_enterprise_id": None,
            "api_app_id": self._world.app.id,
            "event": dict(event),
            "type": "event_callback",
            "event_id": self._ids.entity("Ev"),
            "event_time": int(self._clock.now().timestamp()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": installation.team_id,
                    "user_id": installation.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": shared,
            "event_context": self._ids.secret(),
        }
        self._courier.send(EnvelopeKind.EVENT, label, payload)

    def _located(self, body: Body, channel: Channel, event_ts: str) -> Body:
        where = {
            "channel": channel.id,
            "event_ts": event_ts,
            "channel_type": channel.kind.value,
        }
        return body | where

    def _mention(self, body: Body, channel: Channel, event_ts: str) -> Body:
        kept = {name: value for name, value in body.items() if name != "subtype"}
        return kept | {"type": "app_mention", "channel": channel.id, "event_ts": event_ts}

    def _hidden(self, channel: Channel, subtype: str, event_ts: str) -> Body:
        return {
            "type": "message",
            "subtype": subtype,
            "hidden": True,
            "channel": channel.id,
            "ts": event_ts,
            "event_ts": event_ts,
            "channel_type": channel.kind.value,
        }

    @staticmethod
    def _mentions(message: Message, installation: Installation) -> bool:
        if message.bot_id == installation.bot_id or message.subtype in _BY_SLACK:
            return False
        bot = installation.bot_user_id
        return f"<@{bot}>" in message.text or f"<@{bot}|" in message.text


def _subscription(event: Mapping[str, Any]) -> str:
    """What the app's settings call the subscription to such an event."""
    if event["type"] != "message":
        return str(event["type"])
    kind = str(event["channel_type"])
    return f"message.{kind}s" if kind in ("channel", "group") else f"message.{kind}"
