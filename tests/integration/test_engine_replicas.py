"""Several replicas on one database, and what happens when one of them falls silent."""

import asyncio
from collections import Counter

from bot.vocabulary import SystemClock
from sandbox.claude import Pace, Reply
from tests.engine_rig import engine

HEARTBEAT_S = 0.21
SHORT_LEASES = f"""
[engine]
lease_s = 1.5
heartbeat_s = {HEARTBEAT_S}
poll_s = 0.1
shutdown_s = 0.5
"""
WORDY = "one two three four five six seven eight nine ten"


class FreezingClock(SystemClock):
    """The heart, which is known by how long it sleeps, sleeps on once it is frozen."""

    def __init__(self) -> None:
        self._frozen = asyncio.Event()

    def freeze(self) -> None:
        """Let it beat no more."""
        self._frozen.set()

    async def sleep(self, delay_s: float) -> None:
        """Sleep, and then for ever if it was the heart, and was frozen meanwhile."""
        await super().sleep(delay_s)
        if delay_s == HEARTBEAT_S and self._frozen.is_set():
            await asyncio.Event().wait()


async def test_two_replicas_answer_everything_once(ready_url: str) -> None:
    """Each message is handed to both, as by two sockets: it is answered once, by either."""
    async with engine(ready_url) as rig:
        rig.start()
        rig.claude.script.always(lambda asked: f"Answer to {asked.question}")
        threads = [rig.thread(f"t{n}") for n in range(20)]
        asked = [rig.say(f"number {n}", thread=thread) for n, thread in enumerate(threads)]
        asked += [rig.say(f"again {n}", thread=thread) for n, thread in enumerate(threads)]
        await rig.ends_of(asked)
        heard = Counter(
            line
            for each in rig.asked
            for line in each.text.splitlines()
            if line.startswith(("number", "again"))
        )
        assert set(heard.values()) == {1}
        assert len(heard) == 40
        marks = Counter(posted.mark for posted in rig.platform.posted.values())
        assert set(marks.values()) == {1}
        assert len(marks) == await rig.turn_count()


async def test_one_connection_each_is_enough(ready_url: str) -> None:
    """Whatever a replica does at once waits for its only connection, and none of it for ever."""
    async with engine(ready_url, "[engine]\ndatabase_connections = 1") as rig:
        rig.start()
        asked = [rig.say(f"number {n}", thread=rig.thread(f"t{n}")) for n in range(60)]
        ended = await rig.ends_of(asked)
        assert [each.outcome for each in ended] == ["answered"] * len(asked)
        assert len(rig.platform.posted) == len(asked)


async def test_a_silent_replica_is_taken_over(ready_url: str) -> None:
    """Its heart stops in the middle of an answer: another replica gives one whole answer, in the same
    message, and what the first one still says is neither written nor shown."""
    async with engine(ready_url, SHORT_LEASES, started=False) as rig:
        clock = FreezingClock()
        rig.start(clock=clock)
        rig.claude.script.next(Reply(WORDY, pace=Pace(tokens_per_chunk=1)))
        rig.claude.hold(after_chunks=4)
        question = rig.say("Count.")
        await rig.claude.wait_for_held()
        await rig.shows("one two")
        clock.freeze()
        rig.claude.script.next("Somebody else's whole answer.")
        rig.start()
        await rig.claude.wait_for_request(2)
        rig.claude.release()
        assert await rig.answer_to(question) == "Somebody else's whole answer."
        await rig.claude.wait_for_bill(2)
        await rig.at_rest()
        await rig.idle()
        (posted,) = rig.platform.posted.values()
        assert posted.text == "Somebody else's whole answer."
        assert not any(text.endswith("nine ten") for text in posted.versions)
        rows = await rig.ledger()
        assert len(rows) == 2
        assert all(row.status != "open" for row in rows)
        await rig.ask("Is it you?")
        assert [text for role, text in rig.asked[-1].said if role == "assistant"] == [
            "Somebody else's whole answer."
        ]


async def test_a_turn_waits_for_nobody_who_is_gone(ready_url: str) -> None:
    """A replica stops in order while it answers: the other goes on with it at once, in the same message."""
    async with engine(ready_url, "[engine]\nshutdown_s = 0.1\npoll_s = 0.1") as rig:
        rig.claude.script.next(Reply(WORDY, pace=Pace(tokens_per_chunk=1)))
        rig.claude.hold(after_chunks=4)
        question = rig.say("Count.")
        await rig.shows("one two")
        (first,) = rig.replicas
        rig.start()
        rig.claude.script.next("All of it.")
        await first.stop()
        rig.claude.release()
        assert await rig.answer_to(question) == "All of it."
        assert len(rig.platform.posted) == 1
