"""Discord and the way to it fail, and nothing is lost or said twice: through the whole service."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.discord import DiscordAdapter
from adapters.memory import MemoryIntake, MemoryStore
from bot.ports import PlatformError
from bot.vocabulary import SystemClock
from sandbox.claude import Pace, Reply
from sandbox.discord import (
    Fault,
    GatewayRules,
    Outcome,
    Overwrite,
    Permission,
    SimulatedDiscord,
)
from tests.discord_rig import on_discord
from tests.support import wait_until

POST, EDIT = "POST /channels/{}/messages", "PATCH /channels/{}/messages/{}"
STORY = " ".join(f"word{number}" for number in range(120))
TOLD = Reply(STORY, pace=Pace(first_token_s=0.0, tokens_per_s=200.0))


@asynccontextmanager
async def running(adapter: DiscordAdapter, intake: MemoryIntake) -> AsyncIterator[None]:
    """An adapter without the service around it."""
    task = asyncio.create_task(adapter.run(intake))
    try:
        await wait_until(lambda: adapter.ready or task.done(), what="the connection")
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await adapter.aclose()


async def test_the_gateway_breaks_in_mid_reply(sqlite_url: str) -> None:
    """The answer goes on, and what is said next is heard over the resumed session."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.next(TOLD, "The end.")
        rig.discord.say("Tell me a story.", mention=True)
        await wait_until(rig.texts, what="the first text")
        rig.discord.drop_gateway()
        rig.discord.say("Now the end.", direct=True)
        await rig.shows(STORY)
        await rig.shows("The end.", channel=rig.discord.dm("ada"))
        assert (rig.discord.gateway.identifies, rig.discord.gateway.resumes) == (1, 1)


@pytest.fixture
def _identifies_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated Discord does not mind."""
    monkeypatch.setattr("adapters.discord.shards.IDENTIFY_EVERY_S", 0.5)


@pytest.mark.usefixtures("_identifies_sooner")
@pytest.mark.parametrize("resumable", [True, False])
async def test_what_was_said_around_an_invalid_session_is_answered_once(
    sqlite_url: str, resumable: bool
) -> None:
    """By mentions where the bot has spoken before, in known direct messages, and in known threads."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        direct = rig.discord.dm("ada")
        thread = rig.discord.open_thread("A thread")
        rig.discord.say("Are you there?", mention=True)
        rig.discord.say("Are you there?", direct=True)
        rig.discord.say("Are you there?", channel=thread, mention=True)
        for channel in ("general", direct, thread):
            await rig.shows("Yes.", channel=channel)
        rig.discord.withhold_events()
        rig.discord.say("Still?", mention=True)
        rig.discord.say("Still?", direct=True)
        rig.discord.say("Still?", channel=thread)
        rig.discord.invalidate_sessions(resumable=resumable)
        if resumable:
            rig.discord.release_events()
        for channel in ("general", direct, thread):
            await rig.shows("Yes.", "Yes.", channel=channel)
        assert len(rig.claude.requests) <= 6  # the same question may be answered from the cache


async def test_gateway_hiccups_are_slept_through(sqlite_url: str) -> None:
    """A reconnect that is asked for, a closed connection, an event that comes twice."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.next("One.", "Two.", "Three.")
        direct = rig.discord.dm("ada")
        rig.discord.say("1", direct=True)
        await rig.shows("One.", channel=direct)
        rig.discord.duplicate_last_event("MESSAGE_CREATE")
        rig.discord.reconnect()
        rig.discord.say("2", direct=True)
        await rig.shows("One.", "Two.", channel=direct)
        rig.discord.drop_gateway(code=4000)
        rig.discord.say("3", direct=True)
        await rig.shows("One.", "Two.", "Three.", channel=direct)
        rig.discord.duplicate_last_event("MESSAGE_CREATE")
        assert len(rig.claude.requests) == 3


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault.of_status(503), id="503"),
        pytest.param(Fault.of_status(500), id="500"),
        pytest.param(Fault.drop(reset=True), id="connection reset"),
        pytest.param(Fault.lost_answer(), id="answer lost"),
        pytest.param(Fault.rate_limit(0.2), id="rate limit"),
        pytest.param(Fault.rate_limit(0.2, scope="global"), id="global rate limit"),
        pytest.param(Fault.html(), id="a page in between"),
    ],
)
async def test_failing_requests_leave_one_answer(sqlite_url: str, fault: Fault) -> None:
    """The first post and edit fail in each way: in the end there is one whole answer."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always(STORY)
        rig.claude.hold(after_chunks=5)
        rig.discord.fail_next(fault, route=POST)
        rig.discord.fail_next(fault, route=EDIT)
        rig.discord.say("Tell me a story.", mention=True)
        await wait_until(rig.texts, what="the first text")
        rig.claude.release()
        await rig.shows(STORY)
        for route in (POST, EDIT):
            outcomes = [request.outcome for request in rig.discord.requests_of(route)]
            assert outcomes[0] is not Outcome.ANSWERED, "the fault struck"


async def test_what_was_said_during_a_downtime_is_answered_once(sqlite_url: str) -> None:
    """Also fresh mentions; what did not mention the bot in a channel is none of its business."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        direct = rig.discord.dm("ada")
        rig.discord.say("Are you there?", mention=True)
        rig.discord.say("Are you there?", direct=True)
        await rig.shows("Yes.")
        await rig.shows("Yes.", channel=direct)
        await rig.stop()
        rig.discord.say("And now?", mention=True, by="grace")
        rig.discord.say("I am just talking.")
        rig.discord.say("And now?", direct=True)
        rig.discord.say("Hello!", channel="random", mention=True)  # it has never spoken there
        await rig.start()
        await rig.shows("Yes.", "Yes.")
        await rig.shows("Yes.", "Yes.", channel=direct)
        await rig.stop()
        await rig.start()
        rig.discord.say("Once more?", direct=True)
        await rig.shows("Yes.", "Yes.", "Yes.", channel=direct)
        assert rig.texts() == ["Yes.", "Yes."]
        assert not rig.texts("random")


async def test_catching_up_outlasts_what_ails_discord(sqlite_url: str) -> None:
    """After a downtime of its own, its first answers may be errors."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        direct = rig.discord.dm("ada")
        rig.discord.say("Are you there?", direct=True)
        await rig.shows("Yes.", channel=direct)
        await rig.stop()
        rig.discord.say("And now?", direct=True)
        rig.discord.fail_next(Fault.of_status(503), route="GET /channels/{}/messages")
        rig.discord.fail_next(Fault.rate_limit(0.1), route="GET /channels/{}/messages")
        await rig.start()
        await rig.shows("Yes.", "Yes.", channel=direct)


@pytest.mark.usefixtures("_identifies_sooner")
async def test_fewer_intents_will_do(sqlite_url: str) -> None:
    """Where the gateway does not grant what the application was granted, the bot asks for less."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        rig.discord.say("Are you there?", mention=True)
        await rig.shows("Yes.")
        rig.discord.gateway.change(granted=0)
        rig.discord.drop_gateway(code=4014)
        rig.discord.say("Still?", mention=True)
        await rig.shows("Yes.", "Yes.")
        assert rig.discord.gateway.identifies == 2


async def test_a_channel_that_can_t_be_spoken_in_holds_up_no_other(sqlite_url: str) -> None:
    """Operators are told once what the bot may not do there, and people elsewhere are answered."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        denied = Overwrite(id=rig.discord.bot.id, for_member=True, deny=Permission.SEND_MESSAGES)
        rig.discord.world.channel("random").overwrites.append(denied)
        with capture_logs() as logged:
            rig.discord.say("Are you there?", channel="random", mention=True)
            rig.discord.say("Are you there?", mention=True)
            await rig.shows("Yes.")
            await wait_until(lambda: refusals(logged), what="the refusal")
        assert refusals(logged) == 1
        assert not rig.texts("random")


def refusals(logged: list[MutableMapping[str, Any]]) -> int:
    """How often the log says that Discord refuses something."""
    return sum("Discord refuses" in each["event"] for each in logged)


async def test_a_cloudflare_ban_is_waited_out(sqlite_url: str) -> None:
    """Nothing at all is asked while it lasts; then the answer comes."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        rig.discord.fail_next(Fault.cloudflare(1.0), route=POST)
        rig.discord.say("Are you there?", direct=True)
        await rig.shows("Yes.", channel=rig.discord.dm("ada"))
        posts = rig.discord.requests_of(POST)
        assert len(posts) == 2
        assert (posts[1].at - posts[0].at).total_seconds() >= 0.9


async def test_shards_are_held_as_discord_asks(sqlite_url: str) -> None:
    """Each guild's events come by its own shard; direct messages by the first."""
    rules = GatewayRules(shards=2, max_concurrency=2)
    async with on_discord(sqlite_url, discord=SimulatedDiscord(rules=rules)) as rig:
        await wait_until(lambda: rig.discord.gateway.connected == 2, what="both shards")
        rig.claude.script.always("Yes.")
        rig.discord.say("Are you there?", mention=True)
        rig.discord.say("Are you there?", direct=True)
        await rig.shows("Yes.")
        await rig.shows("Yes.", channel=rig.discord.dm("ada"))
        assert {
            (session.shard_id, session.shard_count)
            for session in rig.discord.gateway.sessions.values()
        } == {(0, 2), (1, 2)}


async def test_one_replica_listens_and_another_takes_over(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one without a connection is ready as well; when the other stops, it connects."""
    monkeypatch.setattr("adapters.discord.shards.HELD_FOR_S", 2.0)
    monkeypatch.setattr("adapters.discord.shards.RENEWED_EVERY_S", 0.5)
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        second = await rig.start()
        assert second.adapter.ready
        assert rig.discord.gateway.connected == 1
        first = rig.replicas.pop(0)
        await first.stop()
        rig.discord.say("Are you there?", mention=True)  # nobody listens yet
        await wait_until(lambda: rig.discord.gateway.connected == 1, what="the other's connection")
        rig.discord.say("Are you there?", direct=True)
        await rig.shows("Yes.", channel=rig.discord.dm("ada"))


async def test_a_silent_connection_is_given_up() -> None:
    """A peer that says nothing any more is left for a new one, and nothing is lost."""
    async with SimulatedDiscord(rules=GatewayRules(heartbeat_s=0.1)) as discord:
        adapter = DiscordAdapter(
            token="simulated",
            clock=SystemClock(),
            store=MemoryStore(),
            api_url=discord.api_url,
            heartbeat_timeout_s=0.5,
        )
        intake = MemoryIntake()
        async with running(adapter, intake):
            discord.become_zombie()
            discord.say("Are you there?", direct=True)
            await wait_until(lambda: intake.messages, what="the message")


async def test_a_refused_token_is_told() -> None:
    """With what to do about it, and no loop."""
    async with SimulatedDiscord() as discord:
        discord.revoke_token()
        adapter = DiscordAdapter(
            token="simulated", clock=SystemClock(), store=MemoryStore(), api_url=discord.api_url
        )
        with pytest.raises(PlatformError, match="DISCORD_TOKEN"):
            await adapter.run(MemoryIntake())
        await adapter.aclose()
