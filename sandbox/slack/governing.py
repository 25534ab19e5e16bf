"""What administrators do: workspaces, people and channels, and taking the app away."""

from collections.abc import Sequence
from dataclasses import replace

from sandbox.slack.default_world import SCOPES, add_direct, install
from sandbox.slack.messages import Content, Message
from sandbox.slack.platform import Platform
from sandbox.slack.world import (
    Channel,
    ChannelKind,
    Installation,
    InstallationState,
    User,
    Workspace,
)


class Governing:
    """The world changes."""

    _platform: Platform

    def add_workspace(
        self, name: str, *, bot_token: str | None = None, streaming: bool = True
    ) -> Installation:
        """Another workspace with the app in it, nobody else and no channels."""
        ids = self._platform.ids
        workspace = Workspace(
            id=ids.entity("T"), name=name, domain=name.lower(), streaming=streaming
        )
        install(self._platform.world, workspace, ids, bot_token=bot_token, scopes=SCOPES)
        return self._platform.world.installation(workspace.id)

    def add_user(
        self,
        name: str,
        *,
        real_name: str = "",
        display_name: str = "",
        admin: bool = False,
        workspace: str | None = None,
    ) -> User:
        """Somebody new, with direct messages with the bot if it is in their workspace."""
        world, ids = self._platform.world, self._platform.ids
        team = world.workspace(workspace)
        user = User(
            id=ids.entity("U"),
            team_id=team.id,
            name=name,
            real_name=real_name or name.title(),
            display_name=display_name,
            is_admin=admin,
        )
        world.keep(user)
        if any(each.team_id == team.id for each in world.installations):
            bot = world.user(world.installation(team.id).bot_user_id)
            add_direct(world, user, bot, channel_id=ids.entity("D"))
        self._platform.feed.add("world", {})
        return user

    def add_channel(
        self,
        name: str,
        *,
        kind: ChannelKind = ChannelKind.PUBLIC,
        members: Sequence[str] | None = None,
        bot: bool = True,
        workspace: str | None = None,
        shared_with: Sequence[str] = (),
    ) -> Channel:
        """Another channel; everybody of the workspace is in it unless `members` say otherwise.

        `shared_with` names other workspaces, whose people are in it too.
        """
        world = self._platform.world
        team = world.workspace(workspace)
        teams = {team.id, *(world.workspace(each).id for each in shared_with)}
        if members is None:
            inside = {user.id for user in world.users if user.team_id in teams and not user.is_bot}
        else:
            inside = {world.user(member).id for member in members}
        if bot:
            inside.add(world.installation(team.id).bot_user_id)
        channel = Channel(
            id=self._platform.ids.entity(kind.prefix),
            team_id=team.id,
            name=name,
            kind=kind,
            members=frozenset(inside),
            shared_with=frozenset(teams - {team.id}),
        )
        world.keep(channel)
        self._platform.feed.add("world", {})
        return channel

    def invite_bot(self, channel: str, *, by: str = "ada") -> None:
        """Take the bot into a channel."""
        found = self._platform.world.channel(channel)
        bot = self._platform.world.installation(found.team_id).bot_user_id
        self._joined(self._platform.world.join(found, {bot}), bot, by=by)

    def join(self, channel: str, user: str) -> None:
        """Somebody joins a channel."""
        found = self._platform.world.channel(channel)
        member = self._platform.world.user(user).id
        self._joined(self._platform.world.join(found, {member}), member)

    def remove_bot(self, channel: str, *, by: str = "ada") -> None:
        """Take the bot out of a channel; it is told, and nothing more from there."""
        found = self._platform.world.channel(channel)
        bot = self._platform.world.installation(found.team_id).bot_user_id
        left = self._platform.world.leave(found, {bot})
        kind = "group_left" if found.kind is ChannelKind.PRIVATE else "channel_left"
        body = {"channel": left.id, "actor_id": self._platform.world.user(by).id}
        self._platform.announcer.happened(kind, body, left, always=True)

    def archive(self, channel: str, *, by: str = "ada") -> None:
        """Archive a channel."""
        self._archive(channel, by, archived=True)

    def unarchive(self, channel: str, *, by: str = "ada") -> None:
        """Bring a channel back."""
        self._archive(channel, by, archived=False)

    def set_streaming(self, allowed: bool, *, workspace: str | None = None) -> None:
        """Let a workspace stream messages, or not."""
        world = self._platform.world
        world.keep(replace(world.workspace(workspace), streaming=allowed))

    def set_scopes(self, scopes: Sequence[str], *, workspace: str | None = None) -> None:
        """What the app may do in a workspace from now on."""
        world = self._platform.world
        found = world.installation(world.workspace(workspace).id)
        world.keep(replace(found, scopes=frozenset(scopes)))

    def revoke(self, *, workspace: str | None = None) -> None:
        """Revoke the app's token in a workspace; it is told with `tokens_revoked`."""
        self._end(workspace, InstallationState.REVOKED)

    def uninstall(self, *, workspace: str | None = None) -> None:
        """Take the app out of a workspace; it is told with `tokens_revoked` and `app_uninstalled`."""
        self._end(workspace, InstallationState.UNINSTALLED)

    def reinstall(self, *, workspace: str | None = None) -> Installation:
        """Put the app back, with a new token; `oauth_code` makes a code for it."""
        world = self._platform.world
        found = world.installation(world.workspace(workspace).id)
        token = f"xoxb-{self._platform.ids.secret()}"
        again = replace(found, state=InstallationState.ACTIVE, bot_token=token)
        world.keep(again)
        return again

    def oauth_code(self, *, workspace: str | None = None) -> str:
        """A code as Slack sends it to the redirect address: `oauth.v2.access` takes it, once."""
        code = self._platform.ids.secret()
        self._platform.oauth_codes[code] = self._platform.world.workspace(workspace).id
        return code

    def _end(self, workspace: str | None, state: InstallationState) -> None:
        world = self._platform.world
        found = world.installation(world.workspace(workspace).id)
        world.keep(replace(found, state=state))
        revoked = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [found.bot_user_id]}}
        self._platform.announcer.send(found, revoked)
        if state is InstallationState.UNINSTALLED:
            self._platform.announcer.send(found, {"type": "app_uninstalled"})

    def _archive(self, channel: str, by: str, *, archived: bool) -> None:
        world = self._platform.world
        found = world.channel(channel)
        changed = replace(found, archived=archived)
        world.keep(changed)
        kind = "group" if found.kind is ChannelKind.PRIVATE else "channel"
        self._platform.announcer.happened(
            f"{kind}_{'archive' if archived else 'unarchive'}",
            {"channel": found.id, "user": world.user(by).id},
            changed,
        )
        self._platform.feed.add("world", {})

    def _joined(self, channel: Channel, user_id: str, *, by: str | None = None) -> None:
        """The event, and the line in the channel that says so: a message of subtype `channel_join`."""
        private = channel.kind is ChannelKind.PRIVATE
        body = {
            "user": user_id,
            "channel": channel.id,
            "channel_type": "G" if private else "C",
            "team": channel.team_id,
        }
        if by is not None:
            body["inviter"] = self._platform.world.user(by).id
        self._platform.announcer.happened("member_joined_channel", body, channel)
        self._platform.post(
            Message(
                team_id=channel.team_id,
                channel_id=channel.id,
                ts=self._platform.ids.ts(),
                user_id=user_id,
                subtype="group_join" if private else "channel_join",
                versions=self._platform.first_version(
                    Content(text=f"<@{user_id}> has joined the channel")
                ),
            )
        )
        self._platform.feed.add("world", {})
