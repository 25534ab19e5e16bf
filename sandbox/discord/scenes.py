"""Worlds to begin with."""

from collections.abc import Callable

from sandbox.discord.permissions import Permission
from sandbox.discord.places import Guild
from sandbox.discord.world import World

Scene = Callable[[World], Guild]
"""Fills a new world; returns the guild that it is about."""


def plain(world: World) -> Guild:
    """One guild with two channels and two people, for tests."""
    grace = world.add_user("grace", display_name="Grace")
    guild = world.add_guild("Parley", owner=grace)
    admins = world.add_role(guild, "Admins", permissions=Permission.ADMINISTRATOR)
    guild.members[grace.id].role_ids.append(admins.id)
    world.add_member(guild, world.add_user("ada", display_name="Ada"))
    world.add_member(guild, world.bot)
    world.add_channel(guild, "general", topic="Everything")
    world.add_channel(guild, "random")
    return guild


def friendly(world: World) -> Guild:
    """The same with more people, and direct messages that are open."""
    guild = plain(world)
    for name, display_name in (("alan", "Alan"), ("edsger", "Edsger")):
        world.add_member(guild, world.add_user(name, display_name=display_name))
    for name in ("ada", "grace", "alan", "edsger"):
        world.dm(name)
    return guild
