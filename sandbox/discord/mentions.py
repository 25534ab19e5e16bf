"""Whom a message pings.

https://discord.com/developers/docs/resources/message#allowed-mentions-object. Mentions count in the
content and in texts among the components, not in embeds. Discord documents no
way of writing a mention in `content` that does not ping (code, backslash): none is assumed here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.discord.errors import FormErrors
from sandbox.discord.messages import Message, MessageFlag, Pinged
from sandbox.discord.permissions import Permission
from sandbox.discord.places import Channel
from sandbox.discord.world import World

MAX_LISTED = 100
KINDS = ("roles", "users", "everyone")
_USER = re.compile(r"<@!?(\d{1,20})>")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_EVERYONE = re.compile(r"@(everyone|here)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedMentions:
    """Which mentions of a text may ping."""

    parse: frozenset[str] = frozenset()
    user_ids: frozenset[int] = frozenset()
    role_ids: frozenset[int] = frozenset()
    replied_user: bool = False


ALL_MENTIONS: Final = AllowedMentions(parse=frozenset(KINDS), replied_user=True)
"""What holds for ordinary messages that say nothing of it."""

USER_MENTIONS: Final = AllowedMentions(parse=frozenset({"users"}), replied_user=True)
"""What holds for interactions and webhooks that say nothing of it."""


def read_allowed_mentions(
    value: object, errors: FormErrors, *, default: AllowedMentions
) -> AllowedMentions:
    """The `allowed_mentions` of a request; the `default` where it has none."""
    if not isinstance(value, Mapping):
        return default
    path = "allowed_mentions"
    parse = [str(each) for each in _list(value, "parse")]
    for at, each in enumerate(parse):
        if each not in KINDS:
            errors.add(f"{path}.parse.{at}", "BASE_TYPE_CHOICES", f"Value must be one of {KINDS}.")
    listed = {kind: _ids(value, kind) for kind in ("users", "roles")}
    for kind, ids in listed.items():
        errors.too_many(f"{path}.{kind}", ids, MAX_LISTED)
        if ids and kind in parse:
            text = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            errors.add(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", text)
    return AllowedMentions(
        parse=frozenset(parse),
        user_ids=frozenset(listed["users"]),
        role_ids=frozenset(listed["roles"]),
        replied_user=bool(value.get("replied_user", False)),
    )


def pinged_by(
    world: World,
    *,
    content: str,
    channel: Channel,
    author_id: int,
    allowed: AllowedMentions,
    flags: MessageFlag,
    replied_to: Message | None,
) -> Pinged:
    """Whom this text by this author would ping in this channel."""
    if MessageFlag.EPHEMERAL in flags:
        return Pinged()
    viewers = world.viewers(channel)
    users = _mentioned_users(content, allowed) & set(world.users)
    roles = _mentioned_roles(world, content, channel, author_id, allowed)
    everyone = (
        "everyone" in allowed.parse
        and _EVERYONE.search(content) is not None
        and world.may(author_id, channel, Permission.MENTION_EVERYONE)
    )
    replied = None
    if replied_to is not None and allowed.replied_user and replied_to.author_id != author_id:
        replied = replied_to.author_id
    reaches = set(users) | _having(world, channel, roles)
    if everyone:
        reaches |= viewers
    if replied is not None:
        reaches.add(replied)
    return Pinged(
        user_ids=frozenset(users),
        role_ids=frozenset(roles),
        everyone=everyone,
        replied_user_id=replied,
        reaches=frozenset(reaches & viewers) - {author_id},
        silent=MessageFlag.SUPPRESS_NOTIFICATIONS in flags,
    )


def _mentioned_users(content: str, allowed: AllowedMentions) -> set[int]:
    found = {int(each) for each in _USER.findall(content)}
    return found if "users" in allowed.parse else found & allowed.user_ids


def _mentioned_roles(
    world: World, content: str, channel: Channel, author_id: int, allowed: AllowedMentions
) -> set[int]:
    guild = world.guild_of(channel)
    if guild is None:
        return set()
    found = {int(each) for each in _ROLE.findall(content)} & set(guild.roles)
    if "roles" not in allowed.parse:
        found &= allowed.role_ids
    may_all = world.may(author_id, channel, Permission.MENTION_EVERYONE)
    return {each for each in found if may_all or guild.roles[each].mentionable}


def _having(world: World, channel: Channel, role_ids: set[int]) -> set[int]:
    guild = world.guild_of(channel)
    if guild is None:
        return set()
    return {member.user_id for member in guild.members.values() if role_ids & set(member.role_ids)}


def _ids(value: Mapping[str, Any], kind: str) -> list[int]:
    return [int(each) for each in _list(value, kind) if str(each).isdigit()]


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    given = value.get(name)
    return given if isinstance(given, list) else []
