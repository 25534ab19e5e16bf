"""From Slack's message events to the vocabulary: tolerant of what Slack adds, strict in what it lets in.

https://docs.slack.dev/reference/events/message and its subtypes
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from adapters.slack.attachments import attachments_of
from adapters.slack.inbound_text import mentions, typed, without_address
from adapters.slack.payloads import Json, object_in
from adapters.slack.places import channel_of, is_timestamp, thread_in
from adapters.slack.rich_text import shared_text, text_of
from adapters.slack.workspaces import Installed
from bot.vocabulary import (
    Channel,
    ChannelKind,
    Event,
    Message,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
)

_SAID: Final = (None, "", "file_share", "me_message", "thread_broadcast")
"""Subtypes of what people say themselves; all others are told by Slack or by bots."""

_SLACKBOT: Final = "USLACKBOT"


def events_of(event: Json, bot: Installed) -> Sequence[Event]:
    """What a `message` or `app_mention` event means to the bot; nothing, mostly."""
    channel_id = event.get("channel")
    if not isinstance(channel_id, str) or not channel_id or ":" in channel_id:
        return ()
    channel = channel_of(bot.workspace, channel_id)
    match event.get("subtype"):
        case "message_changed":
            return _changed(event, channel, bot)
        case "message_deleted":
            return _deleted(event.get("deleted_ts"), channel)
    message = message_of(event, channel, bot)
    return () if message is None else (MessageReceived(message),)


def message_of(event: Json, channel: Channel, bot: Installed) -> Message | None:
    """What a person said; None if it was no person, or it is not to be heard."""
    user, ts = event.get("user"), event.get("ts")
    if not _is_said_by_a_person(event) or not isinstance(user, str) or not isinstance(ts, str):
        return None
    if not is_timestamp(ts) or user == bot.bot_user_id:
        return None
    thread_ts = event.get("thread_ts")
    raw = text_of(event)
    return Message(
        thread=thread_in(channel, ts=ts, thread_ts=thread_ts if _is_ts(thread_ts) else None),
        id=ts,
        author=person_of(event, user),
        text=_text(event, bot),
        sent_at=datetime.fromtimestamp(float(ts), UTC),
        addressed=channel.kind is ChannelKind.DIRECT or mentions(raw, bot.bot_user_id),
        attachments=attachments_of(event, bot.workspace),
    )


def person_of(event: Json, user: str) -> Person:
    """The author, by the name that the event tells, if it tells any."""
    profile = object_in(event.get("user_profile"))
    name = profile.get("display_name") or profile.get("real_name") or user
    return Person(user, str(name))


def is_by_bot(message: Json, bot: Installed) -> bool:
    """Whether a message is our own."""
    return message.get("user") == bot.bot_user_id or (
        bool(bot.bot_id) and message.get("bot_id") == bot.bot_id
    )


def _text(event: Json, bot: Installed) -> str:
    """What was said, after what was passed on with it."""
    text = typed(without_address(text_of(event), bot.bot_user_id))
    shared = typed(shared_text(event))
    if not shared or shared in text:
        return text
    return f"[Passed on:]\n{shared}\n\n{text}" if text.strip() else shared


def _changed(event: Json, channel: Channel, bot: Installed) -> Sequence[Event]:
    """An edit, unless only Slack changed something: a preview of a link, the count of replies."""
    new, old = event.get("message"), event.get("previous_message")
    if not isinstance(new, Mapping):
        return ()
    if new.get("subtype") == "tombstone":
        return _deleted(new.get("ts"), channel)
    message = message_of(new, channel, bot)
    if message is None:
        return ()
    before = message_of(old, channel, bot) if isinstance(old, Mapping) else None
    if before is not None and _says(before) == _says(message):
        return ()
    edited = MessageEdited(channel, message.id, message.text, message.attachments)
    if message.addressed and before is not None and not before.addressed:
        return (edited, MessageReceived(message))  # it is for the bot only now
    return (edited,)


def _says(message: Message) -> tuple[object, ...]:
    """What an edit can change."""
    return message.text, message.attachments, message.addressed


def _deleted(ts: object, channel: Channel) -> Sequence[Event]:
    return (MessageDeleted(channel, ts),) if isinstance(ts, str) and is_timestamp(ts) else ()


def _is_said_by_a_person(event: Json) -> bool:
    return (
        event.get("subtype") in _SAID
        and not event.get("bot_id")
        and not event.get("bot_profile")
        and not event.get("hidden")
        and event.get("user") != _SLACKBOT
    )


def _is_ts(value: object) -> bool:
    return isinstance(value, str) and is_timestamp(value)
