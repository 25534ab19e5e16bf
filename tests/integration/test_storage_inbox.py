"""The inbox: everything that arrived, once, in order, until it is answered."""

import asyncio
import random

import pytest

from bot.vocabulary import Attachment
from storage import inbox, threads, turns
from storage.database import Database
from storage.errors import DuplicateMessage
from tests.storage_kit import CHANNEL, T0, answer, at, put, said, take, take_one, thread

IMAGE = Attachment("a.png", "image/png", 10, "file-1")


async def test_a_message_comes_back_as_it_was_said(database: Database) -> None:
    """Text of any script, author, attachments and times survive storing."""
    message = said("Grüße 👋🏽 \u202e\n\t", by="U9", after_s=0.123456)
    assert await put(database, message, now=at(2))
    (waiting,) = (await take_one(database, now=at(2))).messages
    assert waiting.message == message
    assert waiting.received_at == at(2)


async def test_one_message_in_many_copies_is_one(database: Database) -> None:
    """Forty deliveries of one post, at once: one is stored, and one turn answers it."""
    message = said(id="same")
    stored = await asyncio.gather(*(put(database, message) for _ in range(40)))
    assert stored.count(True) == 1
    works = await take(database)
    assert [len(work.messages) for work in works] == [1]
    await answer(database, works[0])
    assert not await put(database, message), "an answered message is still known"
    assert await take(database) == []


async def test_a_duplicate_says_so_and_wakes_nobody(database: Database) -> None:
    """Who hands in a duplicate is told, and the answered thread stays idle."""
    message = said()
    await put(database, message)
    await answer(database, await take_one(database))
    with pytest.raises(DuplicateMessage):
        await database.write(inbox.put, message, now=T0)
    assert await take(database) == []


async def test_one_post_in_two_threads_is_one_message(database: Database) -> None:
    """The key is the channel's and the message's: two views of one post make one turn."""
    assert await put(database, said(id="post", where=thread("a")))
    assert not await put(database, said(id="post", where=thread("b")))


async def test_messages_wait_in_the_order_they_were_stored(database: Database) -> None:
    """Two hundred at once in four threads: each thread's turn sees its own in their order of arrival."""

    async def speak(name: str) -> None:
        for number in range(12):
            await put(database, said(id=f"{name}{number:02}", where=thread(name)))

    await asyncio.gather(*(speak(name) for name in "abcd"))
    for work in await take(database):
        ids = [waiting.message.id for waiting in work.messages]
        assert ids == [f"{work.held.thread.id}{number:02}" for number in range(12)]


async def test_a_flood_is_answered_in_portions(database: Database) -> None:
    """No turn takes more than fifty messages; the rest are the next one's, in order."""
    for number in range(inbox.TURN_MESSAGES + 3):
        await put(database, said(id=f"m{number:03}"))
    first = await take_one(database)
    assert len(first.messages) == inbox.TURN_MESSAGES
    assert await answer(database, first)
    rest = await take_one(database)
    assert [each.message.id for each in rest.messages] == ["m050", "m051", "m052"]


async def test_what_is_not_addressed_counts_only_where_the_bot_takes_part(
    database: Database,
) -> None:
    """Chatter elsewhere is none of our business; in a known thread it is heard."""
    assert not await put(database, said("chatter", addressed=False))
    assert await take(database) == []
    await put(database, said("hey bot"))
    assert await put(database, said("and this?", addressed=False))
    assert [each.message.text for each in (await take_one(database)).messages] == [
        "hey bot",
        "and this?",
    ]


async def test_an_edit_of_a_waiting_question_is_what_is_answered(database: Database) -> None:
    """Text and attachments are replaced; the person and the place stay."""
    await put(database, said("tpyo", id="q", by="U7"))
    key = await database.write(
        inbox.revise, CHANNEL, "q", text="typo", attachments=(IMAGE,), now=T0
    )
    assert key == thread().key
    (waiting,) = (await take_one(database)).messages
    assert (waiting.message.text, waiting.message.attachments) == ("typo", (IMAGE,))
    assert waiting.message.author.id == "U7"


async def test_an_edit_that_changes_nothing_disturbs_nobody(database: Database) -> None:
    """Platforms report edits for link previews too: the same text is no revision."""
    await put(database, said("same", id="q"))
    work = await take_one(database)
    unchanged = await database.write(
        inbox.revise, CHANNEL, "q", text="same", attachments=(), now=T0
    )
    assert unchanged is None
    assert (await database.read(threads.look, work.held.fence)).revision == work.held.revision


async def test_an_edit_after_the_answer_changes_nothing(database: Database) -> None:
    """What is answered stays answered, and what nobody knows is not made up."""
    await put(database, said("old", id="q"))
    await answer(database, await take_one(database))
    for message_id in ("q", "unknown"):
        assert (
            await database.write(
                inbox.revise, CHANNEL, message_id, text="new", attachments=(), now=T0
            )
            is None
        )
        assert await database.write(inbox.withdraw, CHANNEL, message_id, now=T0) is None
    assert await take(database) == []


async def test_a_question_taken_back_is_not_answered(database: Database) -> None:
    """Of two waiting questions the other is answered; where it was the only one, nothing happens."""
    await put(database, said("one", id="1"))
    await put(database, said("two", id="2"))
    assert await database.write(inbox.withdraw, CHANNEL, "1", now=T0) == thread().key
    work = await take_one(database)
    assert [each.message.id for each in work.messages] == ["2"]
    await answer(database, work)
    await put(database, said("three", id="3"))
    await database.write(inbox.withdraw, CHANNEL, "3", now=T0)
    assert await take(database) == []


async def test_a_running_turn_sees_that_its_question_is_gone(database: Database) -> None:
    """Its holder finds a new revision and no messages."""
    await put(database, said(id="q"))
    work = await take_one(database)
    await database.write(inbox.withdraw, CHANNEL, "q", now=T0)
    signal, waiting = await database.read(turns.reload, work.held.fence)
    assert signal.revision == work.held.revision + 1
    assert waiting == ()


async def test_the_depth_is_what_waits(database: Database) -> None:
    """Number and age of the unanswered, for the operator's metrics."""
    assert await database.read(inbox.depth) == inbox.Depth(0, None)
    for number in range(3):
        await put(database, said(where=thread(f"t{number}")), now=at(number))
    assert await database.read(inbox.depth) == inbox.Depth(3, at(0))
    work = next(each for each in await take(database, now=at(9)) if each.held.thread.id == "t0")
    await answer(database, work)
    assert await database.read(inbox.depth) == inbox.Depth(2, at(1))


async def test_edits_and_withdrawals_in_a_storm_lose_nothing(database: Database) -> None:
    """While questions are edited, withdrawn and answered at once, each ends in exactly one way."""
    chance = random.Random(7)  # noqa: S311 - a test's storm
    names = [f"q{number}" for number in range(40)]
    seen: dict[str, str] = {}

    async def disturb(name: str) -> None:
        await put(database, said("first", id=name, where=thread(f"t{name[-1]}")))
        if chance.random() < 0.3:
            if await database.write(inbox.withdraw, CHANNEL, name, now=T0):
                seen[name] = "withdrawn"
        elif await database.write(
            inbox.revise, CHANNEL, name, text="second", attachments=(), now=T0
        ):
            seen.setdefault(name, "edited")

    async def work_through() -> None:
        for work in await take(database):
            fresh = await database.read(turns.reload, work.held.fence)
            assert fresh[0].revision >= work.held.revision
            await database.write(threads.let_go, work.held.fence, now=T0, turn_ended=True)

    await asyncio.gather(*(disturb(name) for name in names), *(work_through() for _ in range(8)))
    texts = {
        each.message.id: each.message.text
        for work in await take(database)
        for each in work.messages
    }
    for name in names:
        if seen.get(name) == "withdrawn":
            assert name not in texts
        else:
            assert texts[name] == ("second" if seen.get(name) == "edited" else "first")
