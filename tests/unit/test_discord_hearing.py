"""How what happens on Discord comes in: in its order, and as a person would have typed it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.discord.catch_up import channels_to_look_through, shard_of
from adapters.discord.identity import direct_thread, discord_thread, reply_chain
from adapters.discord.interactions import command_line
from adapters.discord.lanes import Lanes
from adapters.discord.places import Places
from adapters.discord.rest import Rest
from bot.ports import KnownThread
from bot.vocabulary import ManualClock, Thread
from tests.support import wait_until


async def test_one_channel_s_events_keep_their_order() -> None:
    """Those of another do not wait for them; what fails holds up nobody."""
    lanes, done = Lanes(), []
    gate = asyncio.Event()

    async def note(what: str, *, waits: bool = False) -> None:
        if waits:
            await gate.wait()
        done.append(what)
        if what == "second":
            raise ValueError(what)

    for key, what, waits in (
        ("a", "first", True),
        ("a", "second", False),
        ("a", "third", False),
        ("b", "elsewhere", False),
    ):
        assert lanes.put(key, lambda what=what, waits=waits: note(what, waits=waits))  # type: ignore[misc]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert done == ["elsewhere"]
    gate.set()
    await wait_until(lambda: lanes.empty, what="all done")
    assert done == ["elsewhere", "first", "second", "third"]


async def test_only_so_many_events_wait() -> None:
    """What comes beyond that is refused, and may be caught up with."""
    lanes, gate = Lanes(max_waiting=2), asyncio.Event()
    assert [lanes.put("a", gate.wait) for _ in range(3)] == [True, True, False]
    await lanes.aclose()
    assert lanes.empty


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "/remind"),
        ([5], "/remind 5"),
        ([True, 2.5, "now"], "/remind true 2.5 now"),
        (["two words", "and the rest"], '/remind "two words" and the rest'),
        (['say "hi" now', "x"], "/remind 'say \"hi\" now' x"),
        (["'quoted'", "x"], "/remind \"'quoted'\" x"),
        (["", "x"], '/remind "" x'),
    ],
)
def test_a_call_reads_as_if_it_was_typed(options: list[Any], line: str) -> None:
    """So that the engine needs no other way to understand it."""
    named = [{"name": f"option{at}", "value": value} for at, value in enumerate(options)]
    assert command_line({"name": "remind", "options": named}) == line


def known(*threads: Thread) -> list[KnownThread]:
    """Threads the bot has spoken in, the newest first."""
    return [KnownThread(thread, "1", datetime(2026, 11, 23, tzinfo=UTC)) for thread in threads]


def test_what_was_missed_is_looked_for_once_in_each_place() -> None:
    """In threads, in the channels they hang on, and in direct messages; each shard in its own."""
    threads = known(
        reply_chain("4194304", "5", "7"),
        reply_chain("4194304", "5", "8"),
        discord_thread("8388608", "6", "9"),
        direct_thread("10"),
    )
    assert channels_to_look_through(threads, 0, 1) == {
        "5": "4194304",
        "9": "8388608",
        "6": "8388608",
        "10": None,
    }
    assert channels_to_look_through(threads, 0, 2) == {"9": "8388608", "6": "8388608", "10": None}
    assert channels_to_look_through(threads, 1, 2) == {"5": "4194304"}
    assert shard_of(None, 3) == 0


async def test_what_the_gateway_tells_of_servers_is_remembered() -> None:
    """Channels, threads, roles and owners, as they change; nothing is asked for."""
    places = Places(Rest(token="none", clock=ManualClock(), api_url="http://127.0.0.1:9/api/v10"))
    everyone = {"id": "1", "name": "@everyone", "permissions": "0"}
    places.heard(
        "GUILD_CREATE",
        {
            "id": "1",
            "owner_id": "2",
            "roles": [everyone, {"id": "3", "name": "Parley", "tags": {"bot_id": "9"}}],
            "channels": [{"id": "4", "type": 0, "name": "general"}],
            "threads": [{"id": "5", "type": 11, "parent_id": "4", "name": "a thread"}],
        },
    )
    thread, guild = await places.place("5"), await places.guild("1")
    assert (thread.is_thread, thread.parent_id, thread.guild_id) == (True, "4", "1")
    assert guild.roles["3"].bot_id == "9"
    admins = {"id": "6", "name": "Admins", "permissions": "8"}
    places.heard("GUILD_ROLE_CREATE", {"guild_id": "1", "role": admins})
    places.heard("GUILD_ROLE_DELETE", {"guild_id": "1", "role_id": "3"})
    assert guild.may_manage("7", ["6"])
    assert "3" not in guild.roles
    places.heard("GUILD_UPDATE", {"id": "1", "owner_id": "7"})
    assert guild.may_manage("7", [])
    renamed = {"id": "4", "type": 0, "name": "plenum", "guild_id": "1"}
    places.heard("CHANNEL_UPDATE", renamed)
    assert (await places.place("4")).name == "plenum"
    places.heard("THREAD_DELETE", {"id": "5"})
    assert places.known_place("5") is None
    places.heard("GUILD_DELETE", {"id": "1", "unavailable": True})
    assert places.known_guild("1") is guild
    places.heard("GUILD_DELETE", {"id": "1"})
    assert places.known_guild("1") is None
