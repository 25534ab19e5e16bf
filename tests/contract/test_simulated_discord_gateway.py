"""The simulated Discord's gateway, as discord.py sees it."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from bot.vocabulary import ManualClock
from sandbox.discord import GatewayRules, Permission, SimulatedDiscord
from sandbox.discord.places import Overwrite
from tests.contract.discord_clients import (
    TOKEN,
    Listener,
    bare,
    connected,
    everyday_intents,
    pointed_at,
)
from tests.support import wait_until

IDENTIFY: dict[str, Any] = {"op": 2, "d": {"token": TOKEN, "intents": 1 << 9, "properties": {}}}


async def test_a_client_is_shown_itself_and_its_guild(simulated_discord: SimulatedDiscord) -> None:
    """READY tells who the bot is, GUILD_CREATE what there is."""
    async with connected(simulated_discord) as client:
        await wait_until(lambda: client.guilds and client.guilds[0].channels)
        guild = client.guilds[0]
        assert client.user is not None
        assert client.user.id == simulated_discord.bot.id
        assert {channel.name for channel in guild.channels} == {"general", "random"}
        assert guild.member_count == 3
        assert guild.me.guild_permissions.send_messages


async def test_without_the_privileged_intent_only_some_messages_can_be_read(
    simulated_discord: SimulatedDiscord,
) -> None:
    """Direct messages, mentions of the bot and its own messages have content; others are blank."""
    async with connected(simulated_discord) as client:
        simulated_discord.say("unread", channel="general")
        asked = simulated_discord.say("asked", mention=True)
        simulated_discord.say("a reply", reply_to=asked)
        simulated_discord.say("direct", direct=True)
        await wait_until(lambda: len(client.heard) == 4)
        assert client.texts == ["", asked.content, "", "direct"]
        channel = client.get_partial_messageable(simulated_discord.world.channel("general").id)
        await channel.send("mine")
        await wait_until(lambda: len(client.heard) == 5)
        assert client.heard[-1].content == "mine"
        answered = simulated_discord.world.message(client.heard[-1].id)
        simulated_discord.say("and so?", reply_to=answered)
        await wait_until(lambda: len(client.heard) == 6)
        assert client.heard[-1].content == "and so?", "a reply that pings the bot is readable"
        quoted = client.heard[2].reference
        assert quoted is not None
        assert isinstance(quoted.resolved, discord.Message)
        assert quoted.resolved.content == asked.content


async def test_with_the_privileged_intent_everything_can_be_read(
    simulated_discord: SimulatedDiscord,
) -> None:
    """The content of a message that has nothing to do with the bot arrives."""
    intents = everyday_intents(message_content=True)
    async with connected(simulated_discord, intents=intents) as client:
        simulated_discord.say("read me")
        await wait_until(lambda: client.texts == ["read me"])


async def test_only_what_was_asked_for_arrives(simulated_discord: SimulatedDiscord) -> None:
    """Without the intent of direct messages, none arrive; without that of typing, no typing."""
    intents = discord.Intents(guilds=True, guild_messages=True)
    async with connected(simulated_discord, intents=intents) as client:
        simulated_discord.say("hidden", direct=True)
        simulated_discord.type_in("general")
        simulated_discord.say("shown", mention=True)
        await wait_until(lambda: client.heard)
        assert [message.channel.id for message in client.heard] == [
            simulated_discord.world.channel("general").id
        ]
        assert client.count("typing") == 0


async def test_what_the_bot_may_not_see_does_not_arrive(
    simulated_discord: SimulatedDiscord,
) -> None:
    """Messages of a channel that is denied to the bot stay there."""
    world = simulated_discord.world
    secret = world.add_channel(
        simulated_discord.guild,
        "secret",
        overwrites=(Overwrite(id=world.bot.id, for_member=True, deny=Permission.VIEW_CHANNEL),),
    )
    async with connected(simulated_discord) as client:
        simulated_discord.say("psst", channel=secret, mention=True)
        simulated_discord.say("hello", mention=True)
        await wait_until(lambda: client.heard)
        assert len(client.heard) == 1
        assert client.get_channel(secret.id) is None


@pytest.mark.parametrize("how", ["lost", "reconnect", "closed", "resumable"])
async def test_a_session_is_resumed_without_a_gap(
    simulated_discord: SimulatedDiscord, how: str
) -> None:
    """What was said while nobody was connected is replayed, once."""
    async with connected(simulated_discord) as client:
        simulated_discord.say("before", mention=True)
        await wait_until(lambda: len(client.heard) == 1)
        simulated_discord.withhold_events()
        simulated_discord.say("meanwhile", mention=True)
        if how == "lost":
            simulated_discord.drop_gateway()
        elif how == "reconnect":
            simulated_discord.reconnect()
        elif how == "closed":
            simulated_discord.drop_gateway(code=4000)
        else:
            simulated_discord.invalidate_sessions(resumable=True)
        await wait_until(
            lambda: simulated_discord.gateway.connected == 0 or client.count("disconnect")
        )
        simulated_discord.release_events()
        await wait_until(lambda: client.count("resumed") == 1)
        simulated_discord.say("after", mention=True)
        await wait_until(lambda: len(client.heard) == 3)
        assert [text.split()[-1] for text in client.texts] == ["before", "meanwhile", "after"]
        assert simulated_discord.gateway.identifies == 1


async def test_an_invalid_session_begins_anew(simulated_discord: SimulatedDiscord) -> None:
    """After an invalid session that can't be resumed the client identifies again."""
    async with connected(simulated_discord) as client:
        simulated_discord.invalidate_sessions()
        await wait_until(lambda: simulated_discord.gateway.identifies == 2)
        await simulated_discord.wait_for_bot()
        simulated_discord.say("hello", mention=True)
        await wait_until(lambda: len(client.heard) == 1)


async def test_a_session_that_nobody_resumes_is_forgotten() -> None:
    """Coming back too late means beginning anew."""
    clock = ManualClock()
    async with SimulatedDiscord(clock=clock) as simulated, _socket(simulated) as socket:
        await socket.send_json(IDENTIFY)
        ready = await _next(socket, "READY")
        await socket.close(code=4000)
        await wait_until(lambda: not simulated.gateway.connections)
        await clock.advance(simulated.gateway.rules.resume_within_s + 1)
        async with _socket(simulated) as again:
            await again.send_json(_resume(ready["d"]["session_id"], 1))
            answer = await again.receive_json()
            assert (answer["op"], answer["d"]) == (9, False)


async def test_a_zombie_is_left_and_the_session_resumed() -> None:
    """A connection that acknowledges nothing is given up; what it kept back is replayed."""
    rules = GatewayRules(heartbeat_s=0.1)
    async with (
        SimulatedDiscord(rules=rules) as simulated,
        connected(simulated, heartbeat_timeout=0.4) as client,
    ):
        simulated.become_zombie()
        simulated.say("anybody there?", mention=True)
        await wait_until(lambda: client.count("resumed") == 1)
        await wait_until(lambda: len(client.heard) == 1)


async def test_a_client_without_heartbeats_is_closed() -> None:
    """4009, when none came for too long."""
    clock = ManualClock()
    async with SimulatedDiscord(clock=clock) as simulated, _socket(simulated) as socket:
        await clock.advance(simulated.gateway.rules.heartbeat_s * 2)
        assert (await socket.receive()).data == 4009


async def test_the_gateway_can_be_away_by_itself(simulated_discord: SimulatedDiscord) -> None:
    """Nobody can connect, while requests are answered; then the session goes on."""
    async with connected(simulated_discord) as client:
        simulated_discord.refuse_gateway()
        simulated_discord.drop_gateway()
        await wait_until(lambda: client.count("disconnect") > 0)
        channel = client.get_partial_messageable(simulated_discord.world.channel("general").id)
        await channel.send("still here")
        assert simulated_discord.gateway.connected == 0
        simulated_discord.refuse_gateway(refused=False)
        simulated_discord.say("and you?", mention=True)
        await wait_until(lambda: client.texts)


async def test_a_guild_can_be_away_for_a_while(simulated_discord: SimulatedDiscord) -> None:
    """It is not the same as being removed."""
    async with connected(simulated_discord) as client:
        await wait_until(client.is_ready)
        simulated_discord.guild_outage()
        await wait_until(lambda: client.count("guild_unavailable") == 1)
        simulated_discord.guild_outage(over=True)
        await wait_until(lambda: client.count("guild_available") == 2)
        assert client.count("guild_remove") == 0


async def test_the_bot_has_a_role_of_its_own_name(simulated_discord: SimulatedDiscord) -> None:
    """Which people mention by mistake."""
    async with connected(simulated_discord) as client:
        await wait_until(lambda: client.guilds)
        role = client.guilds[0].self_role
        assert role is not None
        assert (role.name, role.managed) == ("Parley", True)


async def test_an_event_can_come_twice(simulated_discord: SimulatedDiscord) -> None:
    """As replays may repeat events, so can the simulator."""
    async with connected(simulated_discord) as client:
        simulated_discord.say("once", mention=True)
        simulated_discord.duplicate_last_event("MESSAGE_CREATE")
        await wait_until(lambda: len(client.heard) == 2)
        assert client.heard[0].id == client.heard[1].id


async def test_an_outage_ends(simulated_discord: SimulatedDiscord) -> None:
    """Stopped and started again, it knows its sessions; the client comes back by itself."""
    async with connected(simulated_discord) as client:
        await simulated_discord.stop()
        await wait_until(lambda: client.count("disconnect") > 0)
        await simulated_discord.start()
        simulated_discord.say("back", mention=True)
        await wait_until(lambda: len(client.heard) == 1)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("no json", 4002),
        ({"op": 2, "d": {"token": "x" * 5_000, "intents": 0}}, 4002),
        ({"op": 99, "d": None}, 4001),
        ({"op": 8, "d": {}}, 4003),
        ({"op": 2, "d": {"token": "invalid", "intents": 0}}, 4004),
        ({"op": 6, "d": {"token": "invalid", "session_id": "x", "seq": 0}}, 4004),
        ({"op": 2, "d": {"token": TOKEN, "intents": 0, "shard": [2, 2]}}, 4010),
        ({"op": 2, "d": {"token": TOKEN, "intents": 1 << 40}}, 4013),
        ({"op": 2, "d": {"token": TOKEN}}, 4013),
    ],
)
async def test_what_is_wrong_closes_the_connection(
    simulated_discord: SimulatedDiscord, payload: Any, code: int
) -> None:
    """Each mistake has its close code."""
    async with _socket(simulated_discord) as socket:
        if isinstance(payload, str):
            await socket.send_str(payload)
        else:
            await socket.send_json(payload)
        closed = await socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, code)


async def test_an_unknown_version_closes_the_connection(
    simulated_discord: SimulatedDiscord,
) -> None:
    """4012."""
    async with _socket(simulated_discord, v="3") as socket:
        assert (await socket.receive()).data == 4012


async def test_identifying_twice_closes_the_connection(
    simulated_discord: SimulatedDiscord,
) -> None:
    """4005."""
    async with _socket(simulated_discord) as socket:
        await socket.send_json(IDENTIFY)
        await _next(socket, "READY")
        await socket.send_json(IDENTIFY)
        assert (await socket.receive()).data == 4005


async def test_too_many_payloads_close_the_connection(
    simulated_discord: SimulatedDiscord,
) -> None:
    """More than 120 in a minute are too many."""
    async with _socket(simulated_discord) as socket:
        for _ in range(121):
            await socket.send_json({"op": 1, "d": None})
        async with asyncio.timeout(10):
            while (answer := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert answer.data == 4008


async def test_an_intent_that_was_not_granted_ends_the_client() -> None:
    """discord.py says so by an error of its own; a bad token does not even log in."""
    async with SimulatedDiscord(rules=GatewayRules(granted=0)) as simulated:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with connected(simulated, intents=everyday_intents(message_content=True)):
                pass
        with pointed_at(simulated), pytest.raises(discord.LoginFailure):
            await _log_in_and_close("invalid")


async def test_identifies_are_spaced() -> None:
    """One more within five seconds is an invalid session."""
    clock = ManualClock()
    rules = GatewayRules(identify_every_s=5.0)
    async with (
        SimulatedDiscord(clock=clock, rules=rules) as simulated,
        _socket(simulated) as first,
        _socket(simulated) as second,
    ):
        await first.send_json(IDENTIFY)
        await _next(first, "READY")
        await second.send_json(IDENTIFY)
        assert (await second.receive_json())["op"] == 9
        await clock.advance(5)
        await second.send_json(IDENTIFY)
        await _next(second, "READY")


async def test_identifies_are_counted() -> None:
    """`/gateway/bot` tells the address, the shards and how many starts are left."""
    rules = GatewayRules(session_starts=2, shards=3, max_concurrency=1)
    async with SimulatedDiscord(rules=rules) as simulated, bare(simulated) as client:
        async with connected(simulated):
            _, found = await client.ask("GET", "/gateway/bot")
        assert found["url"] == simulated.gateway_url
        assert found["shards"] == 3
        assert found["session_start_limit"]["remaining"] == 1
        async with _socket(simulated) as socket:
            await socket.send_json(IDENTIFY)
            await _next(socket, "READY")
        async with _socket(simulated) as socket:
            await socket.send_json(IDENTIFY)
            assert (await socket.receive_json())["op"] == 9


async def test_shards_share_the_guilds() -> None:
    """Each guild is told of on the shard that its id gives, direct messages on the first."""
    clock = ManualClock()
    async with SimulatedDiscord(clock=clock) as simulated:
        await _two_shards(simulated, clock)


async def _two_shards(simulated_discord: SimulatedDiscord, clock: ManualClock) -> None:
    world = simulated_discord.world
    guilds = [simulated_discord.guild]
    for number in range(6):
        await clock.advance(0.001)
        guild = world.add_guild(f"guild {number}", owner=world.user("grace"))
        world.add_member(guild, world.bot)
        world.add_channel(guild, f"lobby-{number}")
        guilds.append(guild)
    async with (
        connected(simulated_discord, shard_id=0, shard_count=2) as first,
        connected(simulated_discord, shard_id=1, shard_count=2) as second,
    ):
        of_first = {guild.id for guild in guilds if (guild.id >> 22) % 2 == 0}
        await wait_until(lambda: {guild.id for guild in first.guilds} == of_first)
        await wait_until(lambda: len(second.guilds) == len(guilds) - len(of_first))
        assert {guild.id for guild in second.guilds} == {each.id for each in guilds} - of_first
        for number in range(6):
            simulated_discord.say("hi", by="grace", channel=f"lobby-{number}", mention=True)
        simulated_discord.say("direct", direct=True)
        await wait_until(lambda: len(first.heard) + len(second.heard) == 7)
        assert {message.guild.id for message in second.heard if message.guild} <= {
            each.id for each in guilds
        } - of_first
        assert "direct" in first.texts


async def test_the_bot_is_told_when_it_is_removed(simulated_discord: SimulatedDiscord) -> None:
    """GUILD_DELETE takes the guild away, GUILD_CREATE brings it back."""
    async with connected(simulated_discord) as client:
        await wait_until(client.is_ready)
        simulated_discord.remove_bot()
        await wait_until(lambda: client.count("guild_remove") == 1)
        simulated_discord.say("nobody hears", mention=True)
        simulated_discord.add_bot()
        await wait_until(lambda: client.count("guild_join") == 1)
        simulated_discord.say("hello", mention=True)
        await wait_until(lambda: client.heard)
        assert len(client.heard) == 1


async def test_changes_of_messages_arrive(simulated_discord: SimulatedDiscord) -> None:
    """Edits, deletions, reactions and typing of people are told."""
    intents = everyday_intents(message_content=True, reactions=True, typing=True)
    async with connected(simulated_discord, intents=intents) as client:
        said = simulated_discord.say("helo")
        simulated_discord.edit(said, "hello")
        simulated_discord.react(said, "👍", by="grace")
        simulated_discord.type_in("general", by="grace")
        simulated_discord.delete(said)
        await wait_until(lambda: client.count("raw_message_delete") == 1)
        assert client.count("raw_message_edit") == 1
        assert client.count("raw_reaction_add") == 1
        assert client.count("typing") == 1


async def test_a_preview_is_no_edit(simulated_discord: SimulatedDiscord) -> None:
    """An embed appears by itself; the message does not count as edited."""
    intents = everyday_intents(message_content=True)
    async with connected(simulated_discord, intents=intents) as client:
        said = simulated_discord.say("see https://example.org")
        await wait_until(lambda: client.heard)
        simulated_discord.unfurl(said, "https://example.org")
        await wait_until(lambda: client.count("message_edit") == 1)
        assert client.cached_messages[0].embeds
        assert client.cached_messages[0].edited_at is None


async def test_others_than_people_talk_too(simulated_discord: SimulatedDiscord) -> None:
    """Webhooks, other bots, and Discord itself."""
    async with connected(simulated_discord) as client:
        simulated_discord.post_as_webhook("deployed")
        simulated_discord.join("robot-2", is_bot=True)
        simulated_discord.say("beep", by="robot-2")
        await wait_until(lambda: len(client.heard) == 3)
        webhook, joined, robot = client.heard
        assert webhook.webhook_id is not None
        assert joined.type is discord.MessageType.new_member
        assert robot.author.bot
        assert robot.webhook_id is None


async def test_administrators_are_known(simulated_discord: SimulatedDiscord) -> None:
    """From the roles that come with a message."""
    async with connected(simulated_discord) as client:
        await wait_until(lambda: client.guilds)
        for name in ("ada", "grace"):
            simulated_discord.say("hello", by=name)
        await wait_until(lambda: len(client.heard) == 2)
        authors = [message.author for message in client.heard]
        assert [
            isinstance(author, discord.Member) and author.guild_permissions.administrator
            for author in authors
        ] == [False, True]


async def test_the_application_tells_what_it_was_granted() -> None:
    """Before a client identifies with an intent that it would be refused."""
    for granted, expected in ((1 << 15, True), (0, False)):
        async with (
            SimulatedDiscord(rules=GatewayRules(granted=granted)) as simulated,
            connected(simulated) as client,
        ):
            flags = client.application_flags
            assert flags.gateway_message_content_limited is expected
            assert not flags.gateway_guild_members_limited


async def test_threads_and_channels_are_told(simulated_discord: SimulatedDiscord) -> None:
    """The client knows channels and threads that appear, and forgets those that go."""
    async with connected(simulated_discord) as client:
        await wait_until(lambda: client.guilds)
        channel = simulated_discord.add_channel("new")
        thread = simulated_discord.open_thread("a thread", channel=channel)
        simulated_discord.say("in it", channel=thread, mention=True)
        await wait_until(lambda: client.heard and client.heard[-1].channel.id == thread.id)
        assert isinstance(client.heard[-1].channel, discord.Thread)
        simulated_discord.archive(thread)
        await wait_until(lambda: client.count("thread_update") == 1)
        simulated_discord.delete_channel(thread)
        simulated_discord.delete_channel(channel)
        await wait_until(lambda: client.count("guild_channel_delete") == 1)


async def test_members_can_be_asked_for(simulated_discord: SimulatedDiscord) -> None:
    """By id and by the start of a name, without a privileged intent."""
    async with connected(simulated_discord) as client:
        await wait_until(lambda: client.guilds)
        found = await client.guilds[0].query_members("gra")
        assert [member.name for member in found] == ["grace"]


async def test_frames_are_compressed_where_that_is_asked_for(
    simulated_discord: SimulatedDiscord,
) -> None:
    """discord.py asks for zlib-stream and gets it; plain text comes to those who do not ask."""
    async with connected(simulated_discord):
        pass
    async with _socket(simulated_discord, compress="zlib-stream") as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY


def _socket(simulated: SimulatedDiscord, **query: str) -> "_Socket":
    return _Socket(simulated.gateway_url, {"v": "10", "encoding": "json", **query})


class _Socket:
    """A plain connection that has been greeted."""

    def __init__(self, url: str, query: dict[str, str]) -> None:
        self._url, self._query = url, query
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> aiohttp.ClientWebSocketResponse:
        self._socket = await self._session.ws_connect(
            self._url, params=self._query, autoclose=False
        )
        if self._query["v"] == "10" and "compress" not in self._query:
            assert (await self._socket.receive_json())["op"] == 10
        return self._socket

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._session.close()


async def _next(socket: aiohttp.ClientWebSocketResponse, event: str) -> Any:
    async with asyncio.timeout(10):
        while (payload := await socket.receive_json())["t"] != event:
            pass
    return payload


def _resume(session_id: str, sequence: int) -> dict[str, Any]:
    return {"op": 6, "d": {"token": TOKEN, "session_id": session_id, "seq": sequence}}


async def _log_in_and_close(token: str) -> None:
    client = Listener()
    try:
        await client.login(token)
    finally:
        await client.close()
