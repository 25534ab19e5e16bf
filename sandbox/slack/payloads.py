"""Messages, people and channels as the Web API and events show them."""

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.slack.messages import Content, Message, Messages, SharedFile
from sandbox.slack.world import SLACKBOT, App, Channel, ChannelKind, User, World

Body = dict[str, Any]


class Payloads:
    """Writes them. `base_url` tells where files are fetched from."""

    def __init__(self, world: World, messages: Messages, base_url: Callable[[], str]) -> None:
        self._world = world
        self._messages = messages
        self._base_url = base_url

    def message(self, message: Message, *, with_metadata: bool = False) -> Body:
        """A message as histories and events show it."""
        body: Body = {"type": "message", "user": message.user_id, "ts": message.ts}
        body |= {"text": message.text, "team": message.team_id}
        if message.client_msg_id is not None:
            body["client_msg_id"] = message.client_msg_id
        if message.subtype is not None:
            body["subtype"] = message.subtype
        if message.bot_id is not None:
            body |= self._bot(message)
        if message.thread_ts is not None:
            body |= self._in_thread(message)
        if message.edited_ts is not None:
            body["edited"] = {"user": message.edited_by, "ts": message.edited_ts}
        if message.reactions:
            body["reactions"] = _reactions(message)
        body |= self._parts(message.content, with_metadata=with_metadata)
        return body | self._foreign(message)

    def tombstone(self, message: Message) -> Body:
        """What remains of a deleted message that had replies."""
        return {
            "type": "message",
            "subtype": "tombstone",
            "text": "This message was deleted.",
            "user": SLACKBOT,
            "hidden": True,
            "ts": message.ts,
            "thread_ts": message.ts,
        }

    def thread_facts(self, root: Message, replies: Iterable[Message]) -> Body:
        """What the first message of a thread says about its replies."""
        shown = [reply for reply in replies if reply.deleted_at is None]
        if not shown:
            return {}
        users = list(dict.fromkeys(reply.user_id for reply in shown))
        return {
            "thread_ts": root.ts,
            "reply_count": len(shown),
            "reply_users_count": len(users),
            "reply_users": users[:5],
            "latest_reply": shown[-1].ts,
            "is_locked": False,
            "subscribed": False,
        }

    def file(self, file: SharedFile) -> Body:
        """A file object."""
        extension = file.name.rpartition(".")[2] if "." in file.name else ""
        address = f"{self._base_url()}/files/{file.team_id}-{file.id}"
        return {
            "id": file.id,
            "created": int(file.created_at.timestamp()),
            "timestamp": int(file.created_at.timestamp()),
            "name": file.name,
            "title": file.title,
            "mimetype": file.media_type,
            "filetype": extension,
            "user": file.user_id,
            "user_team": file.team_id,
            "size": file.size_bytes,
            "mode": "hosted",
            "is_external": False,
            "is_public": True,
            "file_access": "visible",
            "url_private": f"{address}/{file.name}",
            "url_private_download": f"{address}/download/{file.name}",
            "permalink": f"{address}",
        }

    def user(self, user: User, *, asked_by_team: str) -> Body:
        """A user object; a stranger is somebody of another workspace."""
        body: Body = {
            "id": user.id,
            "team_id": user.team_id,
            "name": user.name,
            "deleted": user.deleted,
            "real_name": user.real_name,
            "tz": "Etc/UTC",
            "profile": self.profile(user),
            "is_admin": user.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": user.is_bot,
            "is_app_user": False,
            "updated": 0,
        }
        if user.team_id != asked_by_team:
            body["is_stranger"] = True
        return body

    def profile(self, user: User) -> Body:
        """A user's profile."""
        body: Body = {
            "real_name": user.real_name,
            "real_name_normalized": user.real_name,
            "display_name": user.display_name,
            "display_name_normalized": user.display_name,
            "team": user.team_id,
        }
        if user.is_bot:
            body |= {"bot_id": user.bot_id, "api_app_id": self._world.app.id}
        return body

    def channel(self, channel: Channel, *, for_user: str) -> Body:
        """A conversation object, as the bot with that user sees it."""
        kind = channel.kind
        body: Body = {
            "id": channel.id,
            "created": 0,
            "is_archived": channel.archived,
            "is_im": kind is ChannelKind.IM,
            "is_mpim": kind is ChannelKind.MPIM,
            "is_ext_shared": bool(channel.shared_with),
            "is_org_shared": False,
            "context_team_id": channel.team_id,
        }
        if kind is ChannelKind.IM:
            other = next((each for each in sorted(channel.members) if each != for_user), for_user)
            return body | {"user": other, "is_user_deleted": False, "is_open": True}
        return body | {
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": kind is ChannelKind.PUBLIC,
            "is_group": kind is ChannelKind.PRIVATE,
            "is_private": kind is not ChannelKind.PUBLIC,
            "is_general": channel.name == "general",
            "is_member": for_user in channel.members,
            "is_shared": bool(channel.shared_with),
            "num_members": len(channel.members),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }

    def _parts(self, content: Content, *, with_metadata: bool) -> Body:
        body: Body = {}
        if content.blocks:
            body["blocks"] = [dict(block) for block in content.blocks]
        if content.attachments:
            body["attachments"] = [dict(attachment) for attachment in content.attachments]
        if content.files:
            body |= {"files": [self.file(each) for each in content.files], "upload": False}
        if content.metadata is not None and with_metadata:
            body["metadata"] = dict(content.metadata)
        return body

    def _in_thread(self, message: Message) -> Body:
        body: Body = {"thread_ts": message.thread_ts}
        root = self._messages.get(message.channel_id, message.root_ts)
        if root is None or root.ts == message.ts:
            return body
        body["parent_user_id"] = root.user_id
        if message.broadcast:
            body["root"] = self.message(root)
        return body

    def _bot(self, message: Message) -> Body:
        body: Body = {"bot_id": message.bot_id}
        app: App = self._world.app
        ours = {each.bot_id for each in self._world.installations}
        if message.bot_id in ours:
            body["app_id"] = app.id
        if message.username is not None:
            body["username"] = message.username
        body["bot_profile"] = {
            "id": message.bot_id,
            "app_id": app.id if message.bot_id in ours else "A0ANOTHER",
            "user_id": message.user_id,
            "name": message.username or self._world.user(message.user_id).real_name,
            "deleted": False,
            "team_id": message.team_id,
        }
        return body

    def _foreign(self, message: Message) -> Body:
        """What Slack Connect adds to what somebody of another workspace says."""
        channel = self._world.channel(message.channel_id)
        if message.team_id == channel.team_id or message.bot_id is not None:
            return {}
        author = self._world.user(message.user_id)
        return {
            "user_team": author.team_id,
            "source_team": author.team_id,
            "user_profile": self.profile(author),
        }


def _reactions(message: Message) -> list[Body]:
    by_name: dict[str, list[str]] = {}
    for reaction in message.reactions:
        by_name.setdefault(reaction.name, []).append(reaction.user_id)
    return [{"name": name, "users": users, "count": len(users)} for name, users in by_name.items()]
