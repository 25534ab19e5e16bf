"""Threads and guilds on the simulated Discord, with the real SDK."""

from collections.abc import AsyncIterator

import discord
import pytest
import pytest_asyncio

from sandbox.discord import ChannelType, Overwrite, Permission, SimulatedDiscord
from tests.contract.discord_clients import Listener, bare, connected
from tests.support import wait_until


@pytest_asyncio.fixture
async def client(simulated_discord: SimulatedDiscord) -> AsyncIterator[Listener]:
    """A connected client that knows its guild."""
    async with connected(simulated_discord) as listener:
        await wait_until(lambda: listener.guilds)
        yield listener


async def test_a_thread_is_opened_on_a_message(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """It has the message's id; there is only one."""
    said = simulated_discord.say("let us talk", mention=True)
    await wait_until(lambda: client.heard)
    thread = await client.heard[0].create_thread(name="A talk", auto_archive_duration=60)
    assert thread.id == said.id
    await thread.send("here")
    assert simulated_discord.visible(thread.id) == ("", "here")
    found = await client.http.get_message(said.channel_id, said.id)
    assert found["thread"]["id"] == str(said.id)
    with pytest.raises(discord.HTTPException) as failed:
        await client.heard[0].create_thread(name="Another")
    assert failed.value.code == 160004


async def test_a_thread_without_a_message(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """A public one is announced in its channel, a private one is not and shows to its members."""
    channel = await client.fetch_channel(simulated_discord.world.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="open", type=discord.ChannelType.public_thread)
    assert simulated_discord.visible() == ("open",)
    private = await channel.create_thread(name="closed", type=discord.ChannelType.private_thread)
    ada = simulated_discord.world.user("ada")
    world = simulated_discord.world
    assert ada.id not in world.viewers(world.channel(private.id))
    await private.add_user(discord.Object(ada.id))
    assert ada.id in world.viewers(world.channel(private.id))
    assert [member.id for member in await private.fetch_members()] == [world.bot.id, ada.id]
    await private.remove_user(discord.Object(world.bot.id))
    with pytest.raises(discord.Forbidden):
        await private.send("still here?")


async def test_an_archived_thread_wakes_up_unless_it_is_locked(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Editing there is impossible, posting brings it back, and a lock keeps it shut."""
    thread = simulated_discord.open_thread("a talk")
    channel = client.get_partial_messageable(thread.id)
    posted = await channel.send("hello")
    simulated_discord.archive(thread)
    with pytest.raises(discord.HTTPException) as failed:
        await posted.edit(content="x")
    assert failed.value.code == 50083
    await channel.send("again")
    assert thread.thread is not None
    assert not thread.thread.archived
    simulated_discord.archive(thread, locked=True)
    with pytest.raises(discord.HTTPException) as locked:
        await channel.send("no more")
    assert locked.value.code == 160005
    moderator = simulated_discord.world.add_role(
        simulated_discord.guild, "moderators", permissions=Permission.MANAGE_THREADS
    )
    simulated_discord.guild.members[simulated_discord.bot.id].role_ids.append(moderator.id)
    await channel.send("a last word")


async def test_threads_are_listed(simulated_discord: SimulatedDiscord, client: Listener) -> None:
    """The active ones of a guild, the archived ones of a channel."""
    active = simulated_discord.open_thread("active")
    archived = simulated_discord.open_thread("archived")
    simulated_discord.archive(archived)
    guild = client.guilds[0]
    assert [thread.id for thread in await guild.active_threads()] == [active.id]
    channel = guild.get_channel(simulated_discord.world.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    assert [thread.id async for thread in channel.archived_threads()] == [archived.id]


async def test_what_a_thread_needs(simulated_discord: SimulatedDiscord, client: Listener) -> None:
    """Permissions of their own to open one and to talk in it, and a name that fits."""
    channel = await client.fetch_channel(simulated_discord.world.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    with pytest.raises(discord.HTTPException) as unnamed:
        await channel.create_thread(name="x" * 101, type=discord.ChannelType.public_thread)
    assert unnamed.value.code == 50035
    thread = simulated_discord.open_thread("a talk")
    denied = Permission.CREATE_PUBLIC_THREADS | Permission.SEND_MESSAGES_IN_THREADS
    simulated_discord.world.channel("general").overwrites.append(
        Overwrite(id=simulated_discord.bot.id, for_member=True, deny=denied)
    )
    with pytest.raises(discord.Forbidden):
        await channel.create_thread(name="x", type=discord.ChannelType.public_thread)
    with pytest.raises(discord.Forbidden):
        await client.get_partial_messageable(thread.id).send("x")
    await channel.send("in the channel itself it may")


async def test_a_thread_is_renamed_archived_and_deleted_by_the_bot(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Its own it may change; to delete it takes a permission."""
    channel = await client.fetch_channel(simulated_discord.world.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    thread = await channel.create_thread(name="a", type=discord.ChannelType.public_thread)
    await thread.edit(name="b", archived=True)
    known = simulated_discord.world.channel(thread.id)
    assert known.thread is not None
    assert (known.name, known.thread.archived) == ("b", True)
    with pytest.raises(discord.Forbidden):
        await thread.delete()


async def test_a_direct_message_has_no_threads(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """It is refused."""
    said = simulated_discord.say("hello", direct=True)
    path = f"/channels/{said.channel_id}/messages/{said.id}/threads"
    async with bare(simulated_discord) as plain:
        response, _ = await plain.ask("POST", path, json={"name": "x"})
    assert response.status in (400, 403)


async def test_an_announcement_channel_has_threads_of_its_own_kind(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Type 10."""
    news = simulated_discord.add_channel("news", type=ChannelType.ANNOUNCEMENT)
    said = simulated_discord.say("news", channel=news)
    thread = simulated_discord.open_thread("about it", message=said)
    assert thread.type is ChannelType.ANNOUNCEMENT_THREAD


async def test_guilds_people_and_roles_can_be_looked_up(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """By id; what is not there has its code."""
    guild = await client.fetch_guild(simulated_discord.guild.id)
    assert guild.name == "Parley"
    grace = await guild.fetch_member(simulated_discord.world.user("grace").id)
    assert grace.display_name == "Grace"
    assert [role.name for role in grace.roles] == ["@everyone", "Admins"]
    assert {channel.name for channel in await guild.fetch_channels()} == {"general", "random"}
    assert [each.id async for each in client.fetch_guilds()] == [guild.id]
    for looking, code in ((client.fetch_guild(1), 10004), (client.fetch_user(1), 10013)):
        with pytest.raises(discord.NotFound) as failed:
            await looking
        assert failed.value.code == code
    stranger = simulated_discord.world.add_user("stranger")
    with pytest.raises(discord.NotFound) as absent:
        await guild.fetch_member(stranger.id)
    assert absent.value.code == 10007


async def test_the_bot_can_leave(simulated_discord: SimulatedDiscord, client: Listener) -> None:
    """And then it is gone."""
    await client.guilds[0].leave()
    assert simulated_discord.bot.id not in simulated_discord.guild.members
    await wait_until(lambda: not client.guilds)
