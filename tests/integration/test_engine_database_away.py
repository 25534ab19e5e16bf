"""The database goes away for a while: nothing is lost, nothing is acknowledged, nothing needs a restart."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from structlog.testing import capture_logs

from bot.ports import Capabilities
from sandbox.claude import Pace, Reply
from tests.engine_rig import engine
from tests.postgres import PostgresServer
from tests.support import wait_until

WORDY = "one two three four five six seven eight nine ten"


class Outage(Protocol):
    """Takes the database away and brings it back as it was."""

    async def begin(self) -> None:
        """Nobody can reach it any more."""

    async def end(self) -> None:
        """It is there again."""


class StoppedServer:
    """PostgreSQL goes down, and comes up again."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._is_down = False

    async def begin(self) -> None:
        """Break every connection and accept no more."""
        self._is_down = True
        await asyncio.to_thread(self._server.stop)

    async def end(self) -> None:
        """Accept connections again, if it does not yet."""
        if self._is_down:
            await asyncio.to_thread(self._server.start)
        self._is_down = False


class VanishedFile:
    """SQLite's file is moved away, and back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._elsewhere = path.with_suffix(".away")

    async def begin(self) -> None:
        """Move it away."""
        self._path.rename(self._elsewhere)

    async def end(self) -> None:
        """Move it back, if it is away."""
        if self._elsewhere.exists():
            self._elsewhere.rename(self._path)


@pytest.fixture
async def outage(
    dialect: str, ready_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[Outage]:
    """What takes this test's database away."""
    outage: Outage
    if dialect == "sqlite":
        outage = VanishedFile(Path(ready_url.removeprefix("sqlite:///")))
    else:
        outage = StoppedServer(request.getfixturevalue("postgres_server"))
    yield outage
    await outage.end()


async def test_an_answer_survives_the_outage_that_it_ends_in(
    ready_url: str, outage: Outage
) -> None:
    """The text is complete while nothing can be written: it is kept until it can, and asked for once."""
    async with engine(ready_url) as rig:
        rig.claude.script.next(Reply(WORDY, pace=Pace(tokens_per_chunk=1)))
        rig.claude.hold(after_chunks=4)
        question = rig.say("Count.")
        await rig.shows("one two")
        await outage.begin()
        rig.claude.release()
        await rig.claude.wait_for_bill()
        await outage.end()
        assert await rig.answer_to(question) == WORDY
        assert len(rig.claude.requests) == 1
        assert len(rig.platform.posted) == 1
        (row,) = await rig.ledger()
        assert row.cost_nanousd == rig.claude.bill().total_nanousd


async def test_a_message_that_cannot_be_stored_is_not_acknowledged(
    ready_url: str, outage: Outage
) -> None:
    """The platform keeps it and hands it in again; when the database is back it is answered."""
    redelivering = Capabilities(max_chars=2000, redelivers=True)
    async with engine(ready_url, capabilities=redelivering) as rig:
        rig.claude.script.always("Yes.")
        await rig.ask("Are you there?")
        await outage.begin()
        question = rig.say("And now?")
        await wait_until(lambda: rig.platform.refusals > 0, what="a refusal")
        assert rig.platform.acknowledged == len(rig.platform.events) - 1
        await outage.end()
        assert await rig.answer_to(question) == "Yes."
        assert rig.platform.acknowledged == len(rig.platform.events)


async def test_events_that_come_but_once_wait_in_memory(ready_url: str, outage: Outage) -> None:
    """Where the platform does not repeat itself, events are kept in their order until they are stored."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("Yes.")
        await rig.ask("Are you there?")
        await outage.begin()
        question = rig.say("Wha is 2 + 2?")
        rig.platform.change(question, "What is 2 + 2?")
        later = rig.say("And 3 + 3?", thread=rig.thread("2"))
        await rig.taken_in()
        await outage.end()
        assert [end.text for end in await rig.ends_of([question, later])] == ["Yes.", "Yes."]
        asked = " ".join(each.text for each in rig.asked)
        assert "What is 2 + 2?" in asked
        assert "And 3 + 3?" in asked


async def test_a_question_taken_up_just_before_the_outage_is_answered(
    ready_url: str, outage: Outage
) -> None:
    """The first sign is on its way to the platform when the database goes: still one reply, complete."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("Yes.")
        await rig.ask("Are you there?")
        posting = rig.platform.hold("post")
        rig.claude.hold()
        question = rig.say("And now?")
        await posting.arrived.wait()
        await rig.claude.wait_for_held()
        await outage.begin()
        posting.release()
        await wait_until(lambda: rig.replies() == ["Yes.", "…"], what="the placeholder")
        rig.claude.release()
        await rig.claude.wait_for_bill(2)
        await outage.end()
        assert await rig.answer_to(question) == "Yes."
        assert rig.replies() == ["Yes.", "Yes."]


async def test_the_service_can_stop_while_the_database_is_away(
    ready_url: str, outage: Outage
) -> None:
    """An orderly end within its time; the next start goes on where this one had to leave off."""
    async with engine(ready_url, "[engine]\nlease_s = 1\nheartbeat_s = 0.2") as rig:
        rig.claude.script.next(Reply(WORDY, pace=Pace(tokens_per_chunk=1)))
        rig.claude.hold(after_chunks=4)
        question = rig.say("Count.")
        await rig.shows("one two")
        await outage.begin()
        rig.claude.release()
        await rig.claude.wait_for_bill()
        async with asyncio.timeout(8):
            await rig.stop_service()
        await outage.end()
        rig.claude.script.always("All of it.")
        rig.start()
        assert await rig.answer_to(question) == "All of it."
        assert len(rig.platform.posted) == 1


@contextmanager
def full_disk(url: str) -> Iterator[None]:
    """No file of this process can grow beyond what SQLite's log has already."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = Path(url.removeprefix("sqlite:///") + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("redelivers", [True, False])
async def test_a_full_disk_acknowledges_nothing(ready_url: str, redelivers: bool) -> None:
    """What can't be written is handed in again, or waits in memory, and is answered once there is room."""
    capabilities = Capabilities(max_chars=2000, redelivers=redelivers)
    async with engine(ready_url, capabilities=capabilities) as rig:
        rig.claude.script.always("Yes.")
        await rig.ask("Are you there?")
        with full_disk(ready_url), capture_logs() as logged:
            question = rig.say("And now?")
            await wait_until(
                lambda: any(line["log_level"] == "error" for line in logged), what="an error"
            )
            if redelivers:  # the error may have been another's than the intake's
                await wait_until(lambda: rig.platform.refusals > 0, what="a refusal")
            else:
                assert rig.platform.refusals == 0
            assert len(rig.claude.requests) == 1
        assert await rig.answer_to(question) == "Yes."
        assert len(rig.platform.posted) == 2
        (_, row) = await rig.ledger()
        assert row.status == "completed"


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_a_disk_that_fills_up_in_mid_answer_loses_nothing(ready_url: str) -> None:
    """The answer is committed once there is room; it is asked for but once."""
    async with engine(ready_url) as rig:
        rig.claude.script.always(Reply(WORDY, pace=Pace(tokens_per_chunk=1)))
        rig.claude.hold(after_chunks=4)
        question = rig.say("Count.")
        await rig.shows("one two")
        with full_disk(ready_url), capture_logs():
            rig.claude.release()
            await rig.claude.wait_for_bill()
        assert await rig.answer_to(question) == WORDY
        assert len(rig.claude.requests) == 1


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_a_locked_file_is_waited_for(ready_url: str) -> None:
    """Another program holds SQLite's lock for a while: the answer comes when it lets go."""
    async with engine(ready_url) as rig:
        rig.claude.script.always("Yes.")
        await rig.ask("Are you there?")
        other = sqlite3.connect(ready_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.5, other.close)
        assert await rig.ask("And now?") == "Yes."


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_a_start_waits_for_the_database(ready_url: str, outage: Outage) -> None:
    """Started while PostgreSQL is down, the service works as soon as it is up."""
    async with engine(ready_url, started=False) as rig:
        await outage.begin()
        replica = rig.start()
        question = rig.say("Are you there?")
        assert replica.running
        await outage.end()
        assert await rig.answer_to(question)


async def test_who_waits_for_room_in_a_budget_waits_on(ready_url: str, outage: Outage) -> None:
    """The turn is not given up because it can't be looked whether there is room: it goes on as soon as
    the one before has settled, with the request it had ready."""
    budget = '[[budgets]]\nscope = "global"\nperiod = "month"\nlimit_usd = 0.0125\n'
    async with engine(ready_url, f"[claude]\nmax_output_tokens = 1000\n{budget}") as rig:
        rig.claude.script.always("Yes.")
        rig.claude.hold()
        rig.say("first", thread=rig.thread("first"))
        await rig.claude.wait_for_request(1)
        second = rig.say("second", thread=rig.thread("second"))
        await rig.shows("Yours comes as soon as there is room.", second.thread)
        with capture_logs() as logged:
            await outage.begin()
            looked = {"not looked whether a budget has room", "turn left to whoever claims it next"}
            await wait_until(lambda: _told_of(logged) & looked, what="a look for room")
            await outage.end()
            rig.claude.release()
            assert (await rig.end_of(second)).outcome == "answered"
        assert "turn left to whoever claims it next" not in _told_of(logged)


def _told_of(logged: list[MutableMapping[str, Any]]) -> set[str]:
    return {each["event"] for each in logged}
