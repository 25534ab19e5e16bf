"""`conversations.*`, but for what was said: which there are, and who is in them."""

from sandbox.slack.call import Answer, Call, Method, Methods
from sandbox.slack.errors import SlackError
from sandbox.slack.methods.places import channel_of, direct_with
from sandbox.slack.paging import page
from sandbox.slack.platform import Platform
from sandbox.slack.world import Channel, ChannelKind

READ = ("channels:read", "groups:read", "im:read", "mpim:read")


class ConversationMethods:
    """Channels and direct messages."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        return {
            "conversations.info": Method(self.info, READ, tier=3),
            "conversations.list": Method(self.all, READ, tier=2),
            "conversations.members": Method(self.members, READ, tier=4),
            "conversations.open": Method(self.open, ("im:write", "mpim:write"), tier=3),
            "conversations.join": Method(self.join, ("channels:join",), tier=3),
            "users.conversations": Method(self.of_user, READ, tier=3),
        }

    def info(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/conversations.info"""
        channel = channel_of(self._platform, call)
        return {"channel": self._body(channel, call)}

    def all(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/conversations.list"""
        bot = call.installation.bot_user_id
        found = [
            channel
            for channel in self._wanted(call)
            if channel.kind is ChannelKind.PUBLIC or bot in channel.members
        ]
        channels, more = page(found, call.args)
        return {"channels": [self._body(channel, call) for channel in channels], **more}

    def of_user(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/users.conversations"""
        user = call.args.text("user") or call.installation.bot_user_id
        found = [channel for channel in self._wanted(call) if user in channel.members]
        channels, more = page(found, call.args)
        return {"channels": [self._body(channel, call) for channel in channels], **more}

    def members(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/conversations.members"""
        channel = channel_of(self._platform, call)
        members, more = page(sorted(channel.members), call.args)
        return {"members": members, **more}

    def open(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/conversations.open"""
        if call.args.text("channel"):
            return {"channel": {"id": channel_of(self._platform, call).id}}
        users = [user.strip() for user in call.args.required("users").split(",")]
        known = {user.id for user in self._platform.world.users}
        if not known.issuperset(users):
            raise SlackError("user_not_found")
        if len(users) == 1:
            return {"channel": {"id": direct_with(self._platform, call, users[0]).id}}
        return {"channel": {"id": self._group_with(call, frozenset(users)).id}}

    def join(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/conversations.join"""
        channel = channel_of(self._platform, call)
        if channel.archived:
            raise SlackError("is_archived")
        if channel.kind is not ChannelKind.PUBLIC:
            raise SlackError("method_not_supported_for_channel_type")
        joined = self._platform.world.join(channel, {call.installation.bot_user_id})
        return {"channel": self._body(joined, call)}

    def _wanted(self, call: Call) -> list[Channel]:
        types = set((call.args.text("types") or "public_channel").split(","))
        return [
            channel
            for channel in self._platform.world.channels
            if channel.kind.listed_as in types
            and call.team_id in (channel.team_id, *channel.shared_with)
            and not (call.args.flag("exclude_archived") and channel.archived)
        ]

    def _group_with(self, call: Call, users: frozenset[str]) -> Channel:
        members = users | {call.installation.bot_user_id}
        for channel in self._platform.world.channels:
            if channel.kind is ChannelKind.MPIM and channel.members == members:
                return channel
        made = Channel(
            id=self._platform.ids.entity("C"),
            team_id=call.team_id,
            name=f"mpdm-{len(members)}",
            kind=ChannelKind.MPIM,
            members=members,
        )
        self._platform.world.keep(made)
        return made

    def _body(self, channel: Channel, call: Call) -> dict[str, object]:
        return self._platform.payloads.channel(channel, for_user=call.installation.bot_user_id)
