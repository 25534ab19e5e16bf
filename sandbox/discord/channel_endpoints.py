"""The endpoints of channels and threads.

https://discord.com/developers/docs/resources/channel
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.discord.bodies import read_object, read_with_files
from sandbox.discord.drafts import read_draft
from sandbox.discord.errors import refusal
from sandbox.discord.front import API, answer, nothing
from sandbox.discord.message_endpoints import id_in
from sandbox.discord.message_payload import message_payload
from sandbox.discord.payloads import channel_payload, thread_member_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.places import Channel, ChannelType
from sandbox.discord.service import Service
from sandbox.discord.threads import check_thread_fields

_CHANNEL = f"{API}/channels/{{channel_id}}"
_MEMBERS = f"{_CHANNEL}/thread-members"


class ChannelEndpoints:
    """What a bot does with channels and threads."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._world = service.world

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get(_CHANNEL, self.get),
            web.patch(_CHANNEL, self.change),
            web.delete(_CHANNEL, self.delete),
            web.post(f"{_CHANNEL}/messages/{{message_id}}/threads", self.start_from_message),
            web.post(f"{_CHANNEL}/threads", self.start),
            web.get(f"{_CHANNEL}/threads/archived/public", self.archived),
            web.get(f"{_CHANNEL}/threads/archived/private", self.archived_private),
            web.get(f"{_CHANNEL}/users/@me/threads/archived/private", self.archived_private),
            web.get(_MEMBERS, self.members),
            web.get(f"{_MEMBERS}/{{user_id}}", self.member),
            web.put(f"{_MEMBERS}/{{user_id}}", self.join),
            web.delete(f"{_MEMBERS}/{{user_id}}", self.leave),
            web.get(f"{API}/guilds/{{guild_id}}/threads/active", self.active),
        ]

    async def get(self, request: web.Request) -> web.Response:
        """GET /channels/{id}"""
        return answer(channel_payload(self._world, self._channel(request)))

    async def change(self, request: web.Request) -> web.Response:
        """PATCH /channels/{id}"""
        channel = self._channel(request)
        changes = await read_object(request, self._service.log)
        if channel.is_direct:
            raise refusal(50003)
        if channel.is_thread:
            self._check_may_change_thread(channel, changes)
            self._service.threads.change(channel, changes)
        else:
            self._world.bot_channel(channel.id, Permission.MANAGE_CHANNELS)
            channel.name = str(changes.get("name") or channel.name)
            channel.topic = changes.get("topic", channel.topic)
            self._service.housekeeping.changed(channel)
        return answer(channel_payload(self._world, channel))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /channels/{id}: a thread, a channel, or closing a direct message."""
        channel = self._channel(request)
        shown = channel_payload(self._world, channel)
        if channel.is_thread:
            self._world.bot_channel(channel.id, Permission.MANAGE_THREADS)
            self._service.threads.delete(channel)
        elif not channel.is_direct:
            self._world.bot_channel(channel.id, Permission.MANAGE_CHANNELS)
            self._service.housekeeping.delete_channel(channel)
        return answer(shown)

    async def start_from_message(self, request: web.Request) -> web.Response:
        """POST …/messages/{id}/threads"""
        channel = self._channel(request)
        body = await read_object(request, self._service.log)
        self._world.bot_channel(
            channel.id, Permission.CREATE_PUBLIC_THREADS | Permission.READ_MESSAGE_HISTORY
        )
        check_thread_fields(body, name_required=True)
        message = channel.messages.get(id_in(request, "message_id"))
        if message is None or message.deleted_at is not None:
            raise refusal(10008)
        thread = self._service.threads.start_from(
            message,
            str(body["name"]),
            owner=self._world.bot,
            minutes=int(body.get("auto_archive_duration") or 1440),
        )
        return answer(channel_payload(self._world, thread), 201)

    async def start(self, request: web.Request) -> web.Response:
        """POST …/threads"""
        channel = self._channel(request)
        body, uploads = await read_with_files(request, self._service.log)
        private = body.get("type", ChannelType.PRIVATE_THREAD) == ChannelType.PRIVATE_THREAD
        is_forum = channel.type is ChannelType.FORUM
        wanted = Permission.CREATE_PUBLIC_THREADS
        if is_forum:
            wanted = Permission.SEND_MESSAGES
        elif private:
            wanted = Permission.CREATE_PRIVATE_THREADS
        self._world.bot_channel(channel.id, wanted)
        check_thread_fields(body, name_required=True)
        attach = self._service.posting.attachment_maker(channel)
        first = read_draft(body.get("message") or {}, uploads, attach=attach) if is_forum else None
        thread = self._service.threads.start(
            channel,
            str(body["name"]),
            owner=self._world.bot,
            private=private and not is_forum,
            minutes=int(body.get("auto_archive_duration") or 1440),
        )
        shown = channel_payload(self._world, thread)
        if first is not None:
            message = self._service.posting.post(thread, self._world.bot.id, first)
            shown["message"] = message_payload(self._world, message)
        return answer(shown, 201)

    async def members(self, request: web.Request) -> web.Response:
        """GET …/thread-members"""
        thread = self._thread(request)
        assert thread.thread is not None
        return answer([thread_member_payload(thread, each) for each in thread.thread.member_ids])

    async def member(self, request: web.Request) -> web.Response:
        """GET …/thread-members/{user}"""
        thread = self._thread(request)
        user_id = self._user_id(request)
        if thread.thread is None or user_id not in thread.thread.member_ids:
            raise refusal(10007)
        return answer(thread_member_payload(thread, user_id))

    async def join(self, request: web.Request) -> web.Response:
        """PUT …/thread-members/{user}"""
        self._service.threads.join(self._thread(request), self._user_id(request))
        return nothing()

    async def leave(self, request: web.Request) -> web.Response:
        """DELETE …/thread-members/{user}"""
        thread, user_id = self._thread(request), self._user_id(request)
        if user_id != self._world.bot.id:
            self._world.bot_channel(thread.id, Permission.MANAGE_THREADS)
        self._service.threads.leave(thread, user_id)
        return nothing()

    async def active(self, request: web.Request) -> web.Response:
        """GET /guilds/{id}/threads/active"""
        guild = self._world.bot_guild(id_in(request, "guild_id"))
        return answer(self._listed(list(self._world.threads_of(guild)), archived=False))

    async def archived(self, request: web.Request) -> web.Response:
        """GET …/threads/archived/public"""
        return answer(self._archived(request, private=False))

    async def archived_private(self, request: web.Request) -> web.Response:
        """GET …/threads/archived/private"""
        return answer(self._archived(request, private=True))

    def _archived(self, request: web.Request, *, private: bool) -> Mapping[str, Any]:
        channel = self._channel(request)
        self._world.bot_channel(channel.id, Permission.READ_MESSAGE_HISTORY)
        found = [
            thread
            for thread in self._world.channels.values()
            if thread.parent_id == channel.id
            and (thread.type is ChannelType.PRIVATE_THREAD) == private
        ]
        return {**self._listed(found, archived=True), "has_more": False}

    def _listed(self, threads: list[Channel], *, archived: bool) -> dict[str, Any]:
        bot_id = self._world.bot.id
        found = [
            thread
            for thread in sorted(threads, key=lambda each: -each.id)
            if thread.thread is not None
            and thread.thread.archived == archived
            and self._world.may(bot_id, thread, Permission.VIEW_CHANNEL)
        ]
        mine = [each for each in found if each.thread and bot_id in each.thread.member_ids]
        return {
            "threads": [channel_payload(self._world, thread) for thread in found],
            "members": [thread_member_payload(thread, bot_id) for thread in mine],
        }

    def _check_may_change_thread(self, thread: Channel, changes: Mapping[str, Any]) -> None:
        state, bot_id = thread.thread, self._world.bot.id
        assert state is not None
        if not state.locked and "locked" not in changes:
            woken = dict(changes) == {"archived": False} and bot_id in state.member_ids
            if woken or state.owner_id == bot_id:
                return
        self._world.bot_channel(thread.id, Permission.MANAGE_THREADS)

    def _channel(self, request: web.Request) -> Channel:
        return self._world.bot_channel(id_in(request, "channel_id"))

    def _thread(self, request: web.Request) -> Channel:
        channel = self._channel(request)
        if not channel.is_thread:
            raise refusal(50024)
        return channel

    def _user_id(self, request: web.Request) -> int:
        given = request.match_info["user_id"]
        return self._world.bot.id if given == "@me" else id_in(request, "user_id")
