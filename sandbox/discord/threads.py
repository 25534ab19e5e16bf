"""Threads: starting, joining, archiving.

https://discord.com/developers/docs/topics/threads
"""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.discord.dispatch import Dispatch
from sandbox.discord.errors import FormErrors, refusal
from sandbox.discord.messages import Message, MessageFlag, MessageType, Version
from sandbox.discord.payloads import Payload, channel_payload, thread_member_payload
from sandbox.discord.people import User
from sandbox.discord.places import Channel, ChannelType
from sandbox.discord.posting import Posting
from sandbox.discord.world import World

MAX_NAME: Final = 100
ARCHIVE_MINUTES: Final = (60, 1440, 4320, 10080)
_OF_PARENT: Final[Mapping[ChannelType, ChannelType]] = {
    ChannelType.TEXT: ChannelType.PUBLIC_THREAD,
    ChannelType.FORUM: ChannelType.PUBLIC_THREAD,
    ChannelType.ANNOUNCEMENT: ChannelType.ANNOUNCEMENT_THREAD,
}


class Threads:
    """The verbs of threads."""

    def __init__(self, world: World, posting: Posting) -> None:
        self._world = world
        self._posting = posting

    def start_from(
        self, message: Message, name: str, *, owner: User, minutes: int = 1440
    ) -> Channel:
        """Open a thread on a message; it has the message's id.

        Raises:
            ApiError: it has one already, or can't have one.
        """
        parent = self._world.channels[message.channel_id]
        if message.thread_id is not None:
            raise refusal(160004)
        if parent.type not in _OF_PARENT or parent.type is ChannelType.FORUM:
            raise refusal(50024)
        thread = self._world.add_thread(
            parent, name, owner=owner, type=_OF_PARENT[parent.type], id=message.id
        )
        self._begin(thread, minutes)
        message.thread_id = thread.id
        self._posting.update(message, flags=message.now.flags | MessageFlag.HAS_THREAD)
        starter = self._system_message(thread, owner.id, MessageType.THREAD_STARTER_MESSAGE)
        starter.reply_to_id, starter.reply_to_channel_id = message.id, parent.id
        thread.messages[starter.id] = starter
        return thread

    def start(
        self, parent: Channel, name: str, *, owner: User, private: bool = False, minutes: int = 1440
    ) -> Channel:
        """Open a thread without a message. Raises `ApiError` where there can be none."""
        if parent.type not in _OF_PARENT:
            raise refusal(50024)
        type_ = ChannelType.PRIVATE_THREAD if private else _OF_PARENT[parent.type]
        thread = self._world.add_thread(parent, name, owner=owner, type=type_)
        self._begin(thread, minutes)
        if not private and parent.type is not ChannelType.FORUM:
            told = self._system_message(parent, owner.id, MessageType.THREAD_CREATED)
            told.reply_to_channel_id, told.thread_id = thread.id, thread.id
            told.versions[:] = [Version(at=told.sent_at, content=name)]
            self._posting.show(parent, told)
        return thread

    def join(self, thread: Channel, user_id: int) -> None:
        """Somebody joins, or is added."""
        assert thread.thread is not None
        if thread.thread.archived:
            raise refusal(50083)
        if user_id in thread.thread.member_ids:
            return
        thread.thread.member_ids[user_id] = self._world.clock.now()
        self._members_changed(thread, added=[thread_member_payload(thread, user_id)])

    def leave(self, thread: Channel, user_id: int) -> None:
        """Somebody leaves, or is removed."""
        assert thread.thread is not None
        if thread.thread.archived:
            raise refusal(50083)
        if thread.thread.member_ids.pop(user_id, None) is not None:
            self._members_changed(thread, removed=[str(user_id)])

    def change(self, thread: Channel, changes: Mapping[str, Any]) -> None:
        """Rename, archive, lock and so on; `changes` as in Modify Channel."""
        state = thread.thread
        assert state is not None
        check_thread_fields(changes)
        thread.name = changes.get("name") or thread.name
        state.locked = bool(changes.get("locked", state.locked))
        minutes = changes.get("auto_archive_duration")
        state.auto_archive_minutes = int(minutes or state.auto_archive_minutes)
        archived = bool(changes.get("archived", state.archived))
        if archived != state.archived:
            state.archived = archived
            state.archived_at = self._world.clock.now()
        self._tell("THREAD_UPDATE", thread, channel_payload(self._world, thread))

    def delete(self, thread: Channel) -> None:
        """Take the thread away with all that was said in it."""
        data = {
            "id": str(thread.id),
            "guild_id": str(thread.guild_id),
            "parent_id": str(thread.parent_id),
            "type": int(thread.type),
        }
        self._tell("THREAD_DELETE", thread, data)
        del self._world.channels[thread.id]

    def _begin(self, thread: Channel, minutes: int) -> None:
        assert thread.thread is not None
        thread.thread.auto_archive_minutes = minutes
        data = channel_payload(self._world, thread) | {"newly_created": True}
        self._tell("THREAD_CREATE", thread, data)

    def _members_changed(
        self,
        thread: Channel,
        *,
        added: list[Payload] | None = None,
        removed: list[str] | None = None,
    ) -> None:
        assert thread.thread is not None
        data: Payload = {
            "id": str(thread.id),
            "guild_id": str(thread.guild_id),
            "member_count": len(thread.thread.member_ids),
        }
        if added:
            data["added_members"] = [{**each, "member": {}, "presence": None} for each in added]
        if removed:
            data["removed_member_ids"] = removed
        self._tell("THREAD_MEMBERS_UPDATE", thread, data)

    def _system_message(self, channel: Channel, author_id: int, type_: MessageType) -> Message:
        return Message(
            id=self._world.snowflakes.next(),
            channel_id=channel.id,
            author_id=author_id,
            type=type_,
            versions=[Version(at=self._world.clock.now())],
        )

    def _tell(self, name: str, thread: Channel, data: Mapping[str, Any]) -> None:
        self._world.tell(
            Dispatch(name=name, data=data, guild_id=thread.guild_id, channel_id=thread.id)
        )
        self._world.note(name.lower(), data)


def check_thread_fields(fields: Mapping[str, Any], *, name_required: bool = False) -> None:
    """Raise the 50035 of a bad name or duration."""
    errors = FormErrors()
    name = fields.get("name")
    if name_required and not name:
        errors.missing("name")
    if name is not None and not 1 <= len(str(name)) <= MAX_NAME:
        errors.add("name", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MAX_NAME} in length.")
    minutes = fields.get("auto_archive_duration")
    if minutes is not None and minutes not in ARCHIVE_MINUTES:
        text = f"Value must be one of {ARCHIVE_MINUTES}."
        errors.add("auto_archive_duration", "BASE_TYPE_CHOICES", text)
    errors.finish()
