"""The JSON that Discord makes of a message.

https://discord.com/developers/docs/resources/message#message-object
"""

from sandbox.discord.messages import Attachment, Message, MessageFlag
from sandbox.discord.payloads import (
    Payload,
    channel_payload,
    member_payload,
    moment,
    user_payload,
)
from sandbox.discord.world import World


def message_payload(world: World, message: Message, *, with_reference: bool = True) -> Payload:
    """A message object, as REST gives it."""
    now = message.now
    found: Payload = {
        "id": str(message.id),
        "channel_id": str(message.channel_id),
        "type": int(message.type),
        "author": user_payload(world.users[message.author_id]),
        "content": now.content,
        "timestamp": moment(message.sent_at),
        "edited_timestamp": moment(message.edited_at),
        "tts": message.tts,
        "mention_everyone": now.pinged.everyone,
        "mentions": [user_payload(world.users[each]) for each in _mentioned(message)],
        "mention_roles": [str(each) for each in sorted(now.pinged.role_ids)],
        "attachments": [attachment_payload(world, each) for each in now.attachments],
        "embeds": [] if MessageFlag.SUPPRESS_EMBEDS in now.flags else [*map(_embed, now.embeds)],
        "components": [dict(each) for each in now.components],
        "pinned": message.pinned,
        "flags": int(now.flags),
    }
    if message.nonce is not None:
        found["nonce"] = message.nonce
    if message.reactions:
        found["reactions"] = _reactions(world, message)
    if message.webhook_id is not None:
        found["webhook_id"] = str(message.webhook_id)
    if message.interaction_id is not None:
        found |= _interaction_fields(world, message)
    if message.thread_id is not None and message.thread_id in world.channels:
        found["thread"] = channel_payload(world, world.channels[message.thread_id])
    if message.reply_to_id is not None:
        found |= _reference_fields(world, message, with_message=with_reference)
    return found


def event_payload(world: World, message: Message) -> Payload:
    """The data of a MESSAGE_CREATE or MESSAGE_UPDATE."""
    found = message_payload(world, message)
    guild = world.guild_of(world.channels[message.channel_id])
    if guild is None:
        return found
    found["guild_id"] = str(guild.id)
    for mentioned in found["mentions"]:
        if (member := guild.members.get(int(mentioned["id"]))) is not None:
            mentioned["member"] = member_payload(member)
    author = guild.members.get(message.author_id)
    if author is not None and message.webhook_id is None:
        found["member"] = member_payload(author)
    return found


def attachment_payload(world: World, attachment: Attachment) -> Payload:
    """An attachment object."""
    url = world.address + attachment.path
    found: Payload = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": len(attachment.content),
        "url": url,
        "proxy_url": url,
        "content_type": attachment.content_type,
    }
    if attachment.description is not None:
        found["description"] = attachment.description
    return found


def _mentioned(message: Message) -> list[int]:
    pinged = message.now.pinged
    replied = () if pinged.replied_user_id is None else (pinged.replied_user_id,)
    return sorted({*pinged.user_ids, *replied})


def _embed(embed: object) -> Payload:
    assert isinstance(embed, dict)
    return {"type": "rich", **embed}


def _reactions(world: World, message: Message) -> list[Payload]:
    return [
        {
            "emoji": {"id": None, "name": emoji},
            "count": len(user_ids),
            "count_details": {"normal": len(user_ids), "burst": 0},
            "me": world.bot.id in user_ids,
            "me_burst": False,
            "burst_colors": [],
        }
        for emoji, user_ids in message.reactions.items()
    ]


def _interaction_fields(world: World, message: Message) -> Payload:
    assert message.invoked_by is not None
    user = user_payload(world.users[message.invoked_by])
    interaction_id = str(message.interaction_id)
    return {
        "application_id": str(world.application_id),
        "interaction_metadata": {
            "id": interaction_id,
            "type": message.interaction_type,
            "user": user,
            "authorizing_integration_owners": {},
        },
        "interaction": {
            "id": interaction_id,
            "type": message.interaction_type,
            "name": message.command_name,
            "user": user,
        },
    }


def _reference_fields(world: World, message: Message, *, with_message: bool) -> Payload:
    channel_id = message.reply_to_channel_id or message.channel_id
    channel = world.channels[channel_id]
    reference: Payload = {
        "type": 0,
        "channel_id": str(channel_id),
        "message_id": str(message.reply_to_id),
    }
    if channel.guild_id is not None:
        reference["guild_id"] = str(channel.guild_id)
    found: Payload = {"message_reference": reference}
    if with_message:
        referenced = channel.messages.get(message.reply_to_id or 0)
        gone = referenced is None or referenced.deleted_at is not None
        found["referenced_message"] = (
            None
            if gone or referenced is None
            else message_payload(world, referenced, with_reference=False)
        )
    return found
