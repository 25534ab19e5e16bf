"""What happens when somebody posts, edits, deletes, reacts or types."""

import mimetypes
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.discord.dispatch import Dispatch
from sandbox.discord.drafts import Draft, Reference, Upload
from sandbox.discord.errors import ApiError, FormErrors, refusal
from sandbox.discord.mentions import pinged_by
from sandbox.discord.message_payload import event_payload
from sandbox.discord.messages import WRITTEN, Attachment, Message, MessageType, Version
from sandbox.discord.payloads import member_payload, user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.places import Channel
from sandbox.discord.views import message_view, to_plain
from sandbox.discord.world import World

NONCE_KEPT_S: Final = 180.0
"""Discord says "the past few minutes"
(https://discord.com/developers/docs/resources/message#create-message)."""
OLD_S: Final = 3_600.0
MAX_OLD_EDITS: Final = 5
"""How many edits an old message takes in a while is not documented; that there is a limit is: 30046."""
_UNKNOWN_TYPE: Final = "application/octet-stream"


class Posting:
    """The verbs that make and change messages, and tell of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._nonces: dict[tuple[int, str | int], tuple[datetime, Message]] = {}

    def attachment_maker(self, channel: Channel) -> "AttachmentMaker":
        """What makes attachments of files uploaded to a channel."""
        return AttachmentMaker(self._world, channel)

    def post(
        self,
        channel: Channel,
        author_id: int,
        draft: Draft,
        *,
        type: MessageType = MessageType.DEFAULT,  # noqa: A002 - Discord's own name
        **more: Any,
    ) -> Message:
        """Post a draft; the first message again if its nonce is to be unique and is not.

        `more` are further fields of the `Message`.

        Raises:
            ApiError: the thread is locked, or the message replied to is not there.
        """
        if (known := self._known(author_id, draft)) is not None:
            return known
        self._wake_thread(channel, author_id)
        replied_to = self._replied_to(channel, draft.reference)
        message = Message(
            id=self._world.snowflakes.next(),
            channel_id=channel.id,
            author_id=author_id,
            type=MessageType.REPLY if draft.reference is not None else type,
            versions=[self._version(channel, author_id, draft, replied_to)],
            nonce=draft.nonce,
            tts=draft.tts,
            reply_to_id=None if draft.reference is None else draft.reference.message_id,
            **more,
        )
        if draft.nonce is not None:
            self._remember(author_id, draft.nonce, message)
        self.show(channel, message)
        return message

    def show(self, channel: Channel, message: Message) -> None:
        """Put a message where it belongs, and tell of it."""
        channel.messages[message.id] = message
        channel.typing[:] = [each for each in channel.typing if each[0] != message.author_id]
        if channel.thread is not None:
            channel.thread.member_ids.setdefault(message.author_id, message.sent_at)
        self._tell("MESSAGE_CREATE", "message_posted", channel, message)

    def edit(self, message: Message, draft: Draft) -> None:
        """Bring a message to this draft.

        Raises:
            ApiError: its thread is archived, or it is old and was edited too often.
        """
        channel = self._world.channels[message.channel_id]
        if channel.thread is not None and channel.thread.archived:
            raise refusal(50083)
        self._check_lock(channel, message.author_id)
        self._check_age(message)
        replied_to = None
        if message.reply_to_id is not None:
            replied_to = self._live(channel, message.reply_to_id)
        message.versions.append(self._version(channel, message.author_id, draft, replied_to))
        self._tell("MESSAGE_UPDATE", "message_edited", channel, message)

    def update(self, message: Message, **changes: Any) -> None:
        """Tell of a message that changed in something other than what its author wrote; `changes` are
        fields of its `Version`. It does not count as edited."""
        message.versions[-1] = replace(message.now, **changes)
        channel = self._world.channels[message.channel_id]
        self._tell("MESSAGE_UPDATE", "message_edited", channel, message)

    def delete(self, message: Message) -> None:
        """Take a message away."""
        message.deleted_at = self._world.clock.now()
        channel = self._world.channels[message.channel_id]
        data = self._whereabouts(channel) | {"id": str(message.id)}
        if not message.ephemeral:
            self._dispatch("MESSAGE_DELETE", channel, data)
        self._world.note("message_deleted", data)

    def react(self, message: Message, user_id: int, emoji: str, *, add: bool) -> None:
        """Add somebody's reaction, or take it away; nothing happens if it is so already.

        Raises:
            ApiError: the thread is archived.
        """
        channel = self._world.channels[message.channel_id]
        if channel.thread is not None and channel.thread.archived:
            raise refusal(50083)
        users = message.reactions.get(emoji, [])
        if (user_id in users) == add:
            return
        if add:
            message.reactions.setdefault(emoji, []).append(user_id)
        else:
            users.remove(user_id)
            if not users:
                del message.reactions[emoji]
        data = self._whereabouts(channel) | {
            "user_id": str(user_id),
            "message_id": str(message.id),
            "message_author_id": str(message.author_id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if channel.guild_id is not None and add:
            data["member"] = self._member(channel, user_id)
        self._dispatch(f"MESSAGE_REACTION_{'ADD' if add else 'REMOVE'}", channel, data)
        self._world.note("reaction_added" if add else "reaction_removed", data)

    def type_in(self, channel: Channel, user_id: int) -> None:
        """Somebody types."""
        now = self._world.clock.now()
        channel.typing[:] = [each for each in channel.typing if each[0] != user_id]
        channel.typing.append((user_id, now))
        data = self._whereabouts(channel) | {
            "user_id": str(user_id),
            "timestamp": int(now.timestamp()),
        }
        if channel.guild_id is not None:
            data["member"] = self._member(channel, user_id)
        self._dispatch("TYPING_START", channel, data)
        self._world.note("typing", data)

    def _remember(self, author_id: int, nonce: str | int, message: Message) -> None:
        now = self._world.clock.now()
        long_ago = now - timedelta(seconds=NONCE_KEPT_S)
        while self._nonces and next(iter(self._nonces.values()))[0] < long_ago:
            del self._nonces[next(iter(self._nonces))]
        self._nonces.pop((author_id, nonce), None)
        self._nonces[author_id, nonce] = (now, message)

    def _known(self, author_id: int, draft: Draft) -> Message | None:
        if draft.nonce is None or not draft.enforce_nonce:
            return None
        found = self._nonces.get((author_id, draft.nonce))
        if found is None:
            return None
        posted_at, message = found
        age = self._world.clock.now() - posted_at
        return message if age <= timedelta(seconds=NONCE_KEPT_S) else None

    def _version(
        self, channel: Channel, author_id: int, draft: Draft, replied_to: Message | None
    ) -> Version:
        return Version(
            at=self._world.clock.now(),
            content=draft.content,
            embeds=draft.embeds,
            components=draft.components,
            attachments=draft.attachments,
            flags=draft.flags,
            pinged=pinged_by(
                self._world,
                content=draft.text,
                channel=channel,
                author_id=author_id,
                allowed=draft.allowed,
                flags=draft.flags,
                replied_to=replied_to,
            ),
        )

    def _replied_to(self, channel: Channel, reference: Reference | None) -> Message | None:
        if reference is None:
            return None
        found = self._live(channel, reference.message_id)
        errors = FormErrors()
        if found is None and reference.must_exist:
            errors.add("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        if found is not None and found.type not in WRITTEN:
            text = "Cannot reply to a system message"
            errors.add("message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", text)
        errors.finish()
        return found

    def _live(self, channel: Channel, message_id: int) -> Message | None:
        found = channel.messages.get(message_id)
        return found if found is not None and found.deleted_at is None else None

    def _wake_thread(self, channel: Channel, author_id: int) -> None:
        """Posting to an archived thread brings it back, unless it is locked
        (https://discord.com/developers/docs/topics/threads#active-archived-threads)."""
        self._check_lock(channel, author_id)
        if channel.thread is not None:
            channel.thread.archived = False

    def _check_lock(self, channel: Channel, author_id: int) -> None:
        if channel.thread is None or not channel.thread.locked:
            return
        if not self._world.may(author_id, channel, Permission.MANAGE_THREADS):
            raise refusal(160005)

    def _check_age(self, message: Message) -> None:
        now = self._world.clock.now()
        old = timedelta(seconds=OLD_S)
        if now - message.sent_at <= old:
            return
        lately = [each for each in message.versions[1:] if now - each.at <= old]
        if len(lately) >= MAX_OLD_EDITS:
            raise ApiError(429, code=30046, extra={"retry_after": 300.0, "global": False})

    def _tell(self, name: str, kind: str, channel: Channel, message: Message) -> None:
        data = event_payload(self._world, message)
        if not message.ephemeral:
            self._dispatch(name, channel, data)
        self._world.note(kind, to_plain(message_view(self._world, message, history=False)))

    def _dispatch(self, name: str, channel: Channel, data: Mapping[str, Any]) -> None:
        self._world.tell(
            Dispatch(name=name, data=data, guild_id=channel.guild_id, channel_id=channel.id)
        )

    def _whereabouts(self, channel: Channel) -> dict[str, Any]:
        found = {"channel_id": str(channel.id)}
        if channel.guild_id is not None:
            found["guild_id"] = str(channel.guild_id)
        return found

    def _member(self, channel: Channel, user_id: int) -> dict[str, Any]:
        guild = self._world.guild_of(channel)
        assert guild is not None
        member = guild.members[user_id]
        return {**member_payload(member), "user": user_payload(self._world.users[user_id])}


class AttachmentMaker:
    """Makes an attachment of an upload.

    Its type goes by its name, where the upload says nothing better; clients often don't.
    """

    def __init__(self, world: World, channel: Channel) -> None:
        self._world = world
        self._channel = channel

    def __call__(self, upload: Upload, description: str | None) -> Attachment:
        """Discord replaces blanks in file names."""
        id_ = self._world.snowflakes.next()
        name = upload.filename.replace(" ", "_")
        return Attachment(
            id=id_,
            filename=name,
            content_type=_type_of(upload),
            content=upload.content,
            path=f"/attachments/{self._channel.id}/{id_}/{name}",
            description=description,
        )


def _type_of(upload: Upload) -> str:
    if upload.content_type not in ("", _UNKNOWN_TYPE):
        return upload.content_type
    return mimetypes.guess_type(upload.filename)[0] or _UNKNOWN_TYPE
