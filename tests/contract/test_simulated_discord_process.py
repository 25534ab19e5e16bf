"""The simulated Discord in a process of its own, and its controls over HTTP."""

import aiohttp
import pytest

from sandbox.discord import (
    DiscordProcess,
    Fault,
    File,
    GatewayRules,
    RateLimits,
    RemoteDiscord,
    SimulatedDiscord,
)
from tests.contract.discord_clients import TOKEN


async def test_a_process_is_scripted_from_outside(
    simulated_discord_process: DiscordProcess,
) -> None:
    """People talk, requests are answered and seen, faults strike."""
    discord = simulated_discord_process
    said = await discord.say("hello", attachments=[File("a.txt", b"text")], mention=True)
    headers = {"Authorization": f"Bot {TOKEN}"}
    url = f"{discord.api_url}/channels/{said.channel_id}/messages"
    await discord.fail_next(Fault.of_status(503), route="POST /channels/{}/messages")
    async with aiohttp.ClientSession(headers=headers) as session:
        for status in (503, 200):
            async with session.post(url, json={"content": "@everyone"}) as response:
                assert response.status == status
        async with session.get(said.now.files[0].url) as response:
            assert await response.read() == b"text"
    await discord.wait_for(requests=2)
    assert await discord.visible() == (said.content, "@everyone")
    assert [ping.everyone for ping in await discord.pings()] == [True]
    assert [each.status for each in await discord.requests()] == [503, 200]
    world = await discord.world()
    assert {person.name for person in world.people} == {"parley", "ada", "grace"}
    assert [person.name for person in world.people if person.is_admin] == ["grace"]


async def test_changes_are_followed(simulated_discord: SimulatedDiscord) -> None:
    """Each has a number; asking for those after it waits for the next."""
    async with RemoteDiscord(simulated_discord.base_url) as remote:
        said = await remote.say("helo")
        await remote.edit(said.id, "hello")
        await remote.delete(said.id)
        changes = await remote.changes()
        assert [change.kind for change in changes] == [
            "message_posted",
            "message_edited",
            "message_deleted",
        ]
        assert changes[1].data["now"]["content"] == "hello"
        assert [change.number for change in await remote.changes(after=2)] == [3]
        assert await remote.changes(after=3, wait_s=0.01) == ()
        (remembered,) = await remote.messages()
        assert [version.content for version in remembered.versions] == ["helo", "hello"]
        assert remembered.deleted_at is not None


async def test_everything_can_be_ordered(simulated_discord: SimulatedDiscord) -> None:
    """Each order does what the verb does."""
    async with RemoteDiscord(simulated_discord.base_url) as remote:
        await remote.set_limits(RateLimits(messages=2))
        assert simulated_discord.limits.messages == 2
        await remote.set_rules(GatewayRules(granted=0))
        assert simulated_discord.gateway.rules.granted == 0
        dm = await remote.dm("grace")
        await remote.say("direct", by="grace", direct=True)
        assert simulated_discord.visible(dm.id) == ("direct",)
        said = await remote.say("hello")
        await remote.react(said.id, "👍", by="grace")
        thread = await remote.open_thread("a talk", message=said.id)
        assert thread.parent_id == said.channel_id
        await remote.order("close_dm", user="ada")
        assert not simulated_discord.world.user("ada").takes_dms
        await remote.order("remove_bot")
        assert not (await remote.world()).bot_is_in
        await remote.gateway("drop", code=4000)
        await remote.gateway("refuse")
        assert simulated_discord.gateway.refusing
        assert await remote.commands() == []
        await remote.hold()
        await remote.release()
        await remote.calm()
        assert not simulated_discord.gateway.refusing


async def test_what_is_impossible_is_refused(simulated_discord: SimulatedDiscord) -> None:
    """With a sentence that says why."""
    async with RemoteDiscord(simulated_discord.base_url) as remote:
        for refused, why in (
            (remote.order("dance"), "no order 'dance'"),
            (remote.say("x", by="nobody"), "no user 'nobody'"),
            (remote.visible("nowhere"), "no channel 'nowhere'"),
            (remote.order("say", words="x"), "words"),
            (remote.slash("nothing"), "no CHAT_INPUT command"),
            (remote.edit("12", "x"), "no message 12"),
            (remote.wait_for(patience=1), "no patience"),
        ):
            with pytest.raises(RuntimeError, match=why):
                await refused
        with pytest.raises(TimeoutError, match="did not see"):
            await remote.wait_for(requests=1, timeout_s=0.01)


async def test_a_world_for_people_has_limits() -> None:
    """Four people, two channels, and Discord's own limits."""
    async with SimulatedDiscord.for_people() as discord:
        assert discord.limits.enforced
        people = [user for user in discord.world.users.values() if not user.is_bot]
        assert len(people) == 4
        assert len(discord.guild.channel_ids) == 2
