"""What a session is told when it asks who is in a guild.

https://discord.com/developers/docs/events/gateway-events#request-guild-members
"""

from collections.abc import Mapping
from typing import Any

from sandbox.discord.intents import Intents
from sandbox.discord.payloads import Payload, whole_member_payload
from sandbox.discord.world import World


def member_chunk(world: World, asked: Mapping[str, Any], intents: Intents) -> Payload | None:
    """The one chunk with everybody asked for; None where the bot may not ask."""
    guild = world.guilds.get(int(asked.get("guild_id") or 0))
    if guild is None or world.bot.id not in guild.members:
        return None
    wanted = asked.get("user_ids")
    ids = [int(each) for each in (wanted if isinstance(wanted, list) else [wanted]) if each]
    query = str(asked.get("query") or "")
    if not ids and not query and Intents.GUILD_MEMBERS not in intents:
        return None
    found = [
        member
        for member in guild.members.values()
        if (member.user_id in ids if ids else world.users[member.user_id].name.startswith(query))
    ]
    chunk: Payload = {
        "guild_id": str(guild.id),
        "members": [whole_member_payload(world, member) for member in found],
        "chunk_index": 0,
        "chunk_count": 1,
        "not_found": [str(each) for each in ids if each not in guild.members],
    }
    if "nonce" in asked:
        chunk["nonce"] = asked["nonce"]
    return chunk
