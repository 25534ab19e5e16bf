"""The JSON that Discord makes of users, guilds and channels.

The field names are those of https://discord.com/developers/docs/resources.
"""

from datetime import datetime
from typing import Any

from sandbox.discord.people import Member, Role, User
from sandbox.discord.permissions import Permission
from sandbox.discord.places import Channel, ChannelType, Guild
from sandbox.discord.world import World

Payload = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """A timestamp as Discord writes it."""
    return None if at is None else at.isoformat(timespec="microseconds")


def user_payload(user: User) -> Payload:
    """A user object."""
    return {
        "id": str(user.id),
        "username": user.name,
        "discriminator": "0",
        "global_name": None if user.is_bot else user.display_name,
        "avatar": None,
        "bot": user.is_bot,
        "system": False,
        "public_flags": 0,
    }


def member_payload(member: Member) -> Payload:
    """A guild member object without its user."""
    return {
        "roles": [str(role_id) for role_id in member.role_ids],
        "nick": member.nick,
        "avatar": None,
        "joined_at": moment(member.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": None,
    }


def whole_member_payload(world: World, member: Member) -> Payload:
    """A guild member object with its user."""
    return {**member_payload(member), "user": user_payload(world.users[member.user_id])}


def role_payload(role: Role) -> Payload:
    """A role object."""
    return {
        "id": str(role.id),
        "name": role.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": role.position,
        "permissions": str(int(role.permissions)),
        "managed": role.of_bot_id is not None,
        "mentionable": role.mentionable,
        "flags": 0,
        **({} if role.of_bot_id is None else {"tags": {"bot_id": str(role.of_bot_id)}}),
    }


def channel_payload(world: World, channel: Channel) -> Payload:
    """A channel object of any type, as the bot is shown it."""
    found: Payload = {
        "id": str(channel.id),
        "type": int(channel.type),
        "last_message_id": _last_message_id(channel),
        "flags": 0,
    }
    if channel.is_direct:
        found["recipients"] = [user_payload(world.users[each]) for each in channel.recipient_ids]
        return found
    found |= {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "rate_limit_per_user": 0,
        "nsfw": False,
    }
    return found | (_thread_fields(world, channel) if channel.is_thread else _place_fields(channel))


def guild_payload(guild: Guild) -> Payload:
    """A guild object, as REST gives it."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "roles": [role_payload(role) for role in guild.roles.values()],
        "approximate_member_count": len(guild.members),
        **_GUILD_DEFAULTS,
    }


def guild_create_payload(world: World, guild: Guild) -> Payload:
    """The data of a GUILD_CREATE: what the bot may see of the guild.

    One that READY named says besides that it is not `unavailable`; one newly joined does not.
    """
    seen = [
        world.channels[each]
        for each in guild.channel_ids
        if world.may(world.bot.id, world.channels[each], Permission.VIEW_CHANNEL)
    ]
    threads = [
        thread
        for thread in world.threads_of(guild)
        if thread.thread is not None
        and not thread.thread.archived
        and world.may(world.bot.id, thread, Permission.VIEW_CHANNEL)
    ]
    return {
        **guild_payload(guild),
        "large": False,
        "joined_at": moment(guild.members[world.bot.id].joined_at),
        "member_count": len(guild.members),
        "members": [whole_member_payload(world, member) for member in guild.members.values()],
        "channels": [channel_payload(world, channel) for channel in seen],
        "threads": [channel_payload(world, thread) for thread in threads],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def thread_member_payload(thread: Channel, user_id: int) -> Payload:
    """A thread member object."""
    assert thread.thread is not None
    return {
        "id": str(thread.id),
        "user_id": str(user_id),
        "join_timestamp": moment(thread.thread.member_ids[user_id]),
        "flags": 0,
    }


def application_payload(world: World, owner: User, *, flags: int = 0) -> Payload:
    """The bot's application object; its flags tell which privileged intents are granted."""
    return {
        "id": str(world.application_id),
        "name": world.bot.display_name,
        "icon": None,
        "description": "",
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "owner": user_payload(owner),
        "bot": user_payload(world.bot),
        "team": None,
        "flags": flags,
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
    }


def _last_message_id(channel: Channel) -> str | None:
    shown = channel.shown
    return str(shown[-1].id) if shown else None


def _place_fields(channel: Channel) -> Payload:
    fields: Payload = {
        "parent_id": None,
        "topic": channel.topic,
        "position": channel.position,
        "default_auto_archive_duration": 1440,
        "permission_overwrites": [
            {
                "id": str(rule.id),
                "type": int(rule.for_member),
                "allow": str(int(rule.allow)),
                "deny": str(int(rule.deny)),
            }
            for rule in channel.overwrites
        ],
    }
    if channel.type is ChannelType.FORUM:
        fields |= {
            "available_tags": [],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    if channel.type is ChannelType.VOICE:
        fields |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
    return fields


def _thread_fields(world: World, thread: Channel) -> Payload:
    state = thread.thread
    assert state is not None
    said = len(thread.shown)
    fields: Payload = {
        "parent_id": str(thread.parent_id),
        "owner_id": str(state.owner_id),
        "message_count": said,
        "total_message_sent": len(thread.messages),
        "member_count": len(state.member_ids),
        "thread_metadata": {
            "archived": state.archived,
            "archive_timestamp": moment(state.archived_at or state.created_at),
            "auto_archive_duration": state.auto_archive_minutes,
            "locked": state.locked,
            "invitable": state.invitable,
            "create_timestamp": moment(state.created_at),
        },
    }
    if world.bot.id in state.member_ids:
        fields["member"] = thread_member_payload(thread, world.bot.id)
    return fields


_GUILD_DEFAULTS: Payload = {
    "icon": None,
    "splash": None,
    "discovery_splash": None,
    "banner": None,
    "description": None,
    "afk_channel_id": None,
    "afk_timeout": 300,
    "widget_enabled": False,
    "verification_level": 0,
    "default_message_notifications": 0,
    "explicit_content_filter": 0,
    "emojis": [],
    "stickers": [],
    "features": [],
    "mfa_level": 0,
    "application_id": None,
    "system_channel_id": None,
    "system_channel_flags": 0,
    "rules_channel_id": None,
    "public_updates_channel_id": None,
    "safety_alerts_channel_id": None,
    "max_members": 500_000,
    "vanity_url_code": None,
    "premium_tier": 0,
    "premium_subscription_count": 0,
    "premium_progress_bar_enabled": False,
    "preferred_locale": "en-US",
    "max_video_channel_users": 25,
    "nsfw_level": 0,
}
