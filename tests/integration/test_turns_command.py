"""`parley turns`: what failed is found by what the person was told, and is tried again."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import bot.cli.turns
from sandbox.claude import Fault
from tests.engine_rig import Ended, Rig, engine
from tests.integration.operators_desk import OperatorsDesk

QUICK = """
[claude]
turn_deadline_s = 4.0
max_attempts = 1
fallback_models = []
outage_patience_s = 0
"""
BROKEN = Fault.of_status(500)


@asynccontextmanager
async def parked(url: str, *questions: str) -> AsyncIterator[tuple[Rig, list[Ended]]]:
    """A service that could not answer these questions, each in a thread of its own; Claude has
    recovered since."""
    async with engine(url, QUICK) as rig:
        rig.claude.fail_next(BROKEN, times=None)
        ended = [await rig.end_of(rig.say(text, thread=rig.thread(text))) for text in questions]
        rig.claude.reset()
        rig.claude.script.always("The answer, after all.")
        yield rig, ended


def reference_in(text: str) -> str:
    """What the person was told to quote."""
    found = re.search(r"reference (\w+)", text)
    assert found is not None, text
    return found[1]


async def test_nothing_is_parked(database_url: str, desk: OperatorsDesk) -> None:
    """A database that is empty, or not there yet, has no such turn; asking makes no file."""
    desk.set(DATABASE_URL=database_url)
    for arguments in (("turns",), ("turns", "list")):
        said = await desk.parley(*arguments)
        assert (said.status, said.out) == (0, "No turn is parked.\n")
    assert (await desk.parley("turns", "list", "--json")).json == []
    assert list(desk.directory.iterdir()) == []


async def test_failed_turns_are_listed_newest_first(ready_url: str, desk: OperatorsDesk) -> None:
    """With the reference that the person was told, the thread, and the kind of error."""
    desk.set(DATABASE_URL=ready_url)
    async with parked(ready_url, "one", "two") as (rig, (one, two)):
        listed = (await desk.parley("turns", "list", "--json")).json
        assert [each["turn"] for each in listed] == [two.turn_id, one.turn_id]
        assert [each["reference"] for each in listed] == [
            reference_in(two.text),
            reference_in(one.text),
        ]
        assert [each["thread"] for each in listed] == [
            rig.thread("two").key,
            rig.thread("one").key,
        ]
        assert {each["why"] for each in listed} == {one.detail}
        shown = (await desk.parley("turns")).out.splitlines()
        assert shown[0].split() == ["Turn", "Reference", "Thread", "Opened", "Why"]
        assert shown[1].split()[:2] == [two.turn_id, reference_in(two.text)]
        assert len(shown) == 3


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_one_turn_is_shown_by_its_reference(ready_url: str, desk: OperatorsDesk) -> None:
    """By its id, and by its reference however a person types it."""
    desk.set(DATABASE_URL=ready_url)
    async with parked(ready_url, "one", "two") as (_, (one, _two)):
        reference = reference_in(one.text)
        for name in (one.turn_id, reference, reference.lower()):
            told = (await desk.parley("turns", "show", name, "--json")).json
            assert (told["turn"], told["status"], told["outcome"]) == (
                one.turn_id,
                "parked",
                "failed",
            )


async def test_a_retry_is_answered_by_the_running_service(
    ready_url: str, desk: OperatorsDesk
) -> None:
    """The person gets the answer after all, and the turn is no longer listed."""
    desk.set(DATABASE_URL=ready_url)
    async with parked(ready_url, "one") as (rig, (one,)):
        reference = reference_in(one.text)
        said = await desk.parley("turns", "retry", reference)
        assert (said.status, said.out) == (0, f"{reference} will be tried again\n")
        await rig.shows("The answer, after all.", rig.thread("one"))
        await rig.at_rest(rig.thread("one"))
        assert (await desk.parley("turns")).out == "No turn is parked.\n"
        again = await desk.parley("turns", "retry", reference)
        assert f"{reference}: no parked turn has this id" in again.sentence
        await rig.at_rest(rig.thread("one"))
    assert len(rig.claude.requests) == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_of_several_retries_each_is_told(ready_url: str, desk: OperatorsDesk) -> None:
    """What can be tried again is, what can't is said, and the status tells that something failed."""
    desk.set(DATABASE_URL=ready_url)
    async with parked(ready_url, "one", "two") as (rig, (one, two)):
        said = await desk.parley("turns", "retry", one.turn_id, "NOSUCH1", two.turn_id)
        assert said.status == 1
        assert said.out.splitlines() == [
            f"{one.turn_id} will be tried again",
            f"{two.turn_id} will be tried again",
        ]
        assert "NOSUCH1: no parked turn has this id or reference" in said.err
        for name in ("one", "two"):
            await rig.shows("The answer, after all.", rig.thread(name))


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_turn_is_found_however_many_failed_after_it(
    ready_url: str, desk: OperatorsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is cut, but whoever was told a reference can still be helped."""
    monkeypatch.setattr(bot.cli.turns, "LISTED", 1)
    desk.set(DATABASE_URL=ready_url)
    async with parked(ready_url, "one", "two") as (rig, (one, _)):
        assert len((await desk.parley("turns", "list", "--json")).json) == 1
        assert (await desk.parley("turns", "retry", reference_in(one.text))).status == 0
        await rig.shows("The answer, after all.", rig.thread("one"))


async def test_an_answered_turn_is_not_tried_again(ready_url: str, desk: OperatorsDesk) -> None:
    """Neither shown nor repeated: it did not fail."""
    desk.set(DATABASE_URL=ready_url)
    async with engine(ready_url) as rig:
        ended = await rig.end_of(rig.say("The capital of France?"))
        for command in ("show", "retry"):
            said = await desk.parley("turns", command, ended.turn_id)
            assert "`parley turns` lists them" in said.sentence
        await rig.at_rest()
    assert len(rig.claude.requests) == 1


@pytest.mark.parametrize("arguments", [(), ("list",), ("show", "X"), ("retry", "X")])
async def test_a_server_that_is_away(
    desk: OperatorsDesk, unused_tcp_port: int, arguments: tuple[str, ...]
) -> None:
    """It is told in a sentence, without the password."""
    desk.set(DATABASE_URL=f"postgresql://me:hunter2@127.0.0.1:{unused_tcp_port}/parley")
    said = await desk.parley("turns", *arguments)
    assert "the database can't be used" in said.sentence
    assert "hunter2" not in said.err
