"""Finding the conversation that a call names, and refusing as Slack does where it may not be used."""

from sandbox.slack.call import Call
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Message
from sandbox.slack.platform import Platform
from sandbox.slack.world import Channel, ChannelKind, UnknownEntity


def channel_of(platform: Platform, call: Call, name: str = "channel") -> Channel:
    """The conversation, if the bot can know of it. Raises `channel_not_found`."""
    wanted = call.args.required(name)
    try:
        found = platform.world.channel(wanted, call.team_id)
    except UnknownEntity:
        raise SlackError("channel_not_found") from None
    ours = call.team_id == found.team_id or call.team_id in found.shared_with
    hidden = found.kind is not ChannelKind.PUBLIC
    if not ours or (hidden and call.installation.bot_user_id not in found.members):
        raise SlackError("channel_not_found")
    return found


def place_to_post(platform: Platform, call: Call) -> Channel:
    """Where something is to be posted; a user's id stands for the direct conversation with them.

    Raises `channel_not_found`, `not_in_channel` or `is_archived`.
    """
    wanted = call.args.required("channel")
    if wanted.startswith(("U", "W")):
        found = direct_with(platform, call, wanted)
    else:
        found = channel_of(platform, call)
    if found.archived:
        raise SlackError("is_archived")
    public = "chat:write.public" in call.installation.scopes and found.kind is ChannelKind.PUBLIC
    if call.installation.bot_user_id not in found.members and not public:
        raise SlackError("not_in_channel")
    return found


def direct_with(platform: Platform, call: Call, user_id: str) -> Channel:
    """The bot's direct conversation with somebody, made if there is none yet."""
    known = {user.id for user in platform.world.users}
    if user_id not in known:
        raise SlackError("channel_not_found")
    found = platform.world.direct(user_id, call.team_id)
    if found is not None:
        return found
    made = Channel(
        id=platform.ids.entity("D"),
        team_id=call.team_id,
        name="",
        kind=ChannelKind.IM,
        members=frozenset({user_id, call.installation.bot_user_id}),
    )
    platform.world.keep(made)
    return made


def own_message(platform: Platform, call: Call, channel: Channel, not_ours: str) -> Message:
    """The app's own message that a call names by `ts`. Raises `message_not_found` or `not_ours`."""
    found = platform.messages.get(channel.id, call.args.required("ts"))
    if found is None or found.deleted_at is not None or found.ephemeral_for is not None:
        raise SlackError("message_not_found")
    if found.bot_id != call.installation.bot_id:
        raise SlackError(not_ours)
    return found
