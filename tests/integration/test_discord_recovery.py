"""What was posted just before a crash is found again, and nothing else is."""

from collections.abc import AsyncIterator

import pytest

from bot.ports import (
    Controls,
    MessageGone,
    OutgoingFile,
)
from bot.vocabulary import (
    Person,
)
from sandbox.discord import SimulatedDiscord
from tests.discord_desk import Desk, part, turn


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """An adapter that runs."""
    async with SimulatedDiscord() as discord:
        desk = Desk(discord)
        async with desk.running():
            yield desk


async def test_what_was_posted_just_before_a_crash_is_found(desk: Desk) -> None:
    """Nobody noted it, and it bears no mark: it is ours, in this thread, since the turn began."""
    first, second = desk.discord.say("one", mention=True), desk.discord.say("two", mention=True)
    await desk.heard(2)
    threads = [desk.chain(first.id), desk.chain(second.id), desk.direct]
    turns = [turn() for _ in threads]
    posted = [
        await desk.adapter.post(thread, part(f"{each}.0"))
        for thread, each in zip(threads, turns, strict=True)
    ]
    await desk.crash()
    async with desk.running():
        found = [
            await desk.adapter.find(thread, f"{each}.0")
            for thread, each in zip(threads, turns, strict=True)
        ]
    assert found == [each.message_id for each in posted]


async def test_what_belongs_to_another_turn_is_not_found(desk: Desk) -> None:
    """A noted reply, one with another mark, a notice, and what is older than the turn."""
    old = turn()
    await desk.adapter.post(desk.direct, part(f"{old}.0", "old"))
    await desk.adapter.notice(desk.direct, Person("1", "Ada"), "Wait.", "n.limit")
    marked = part(f"{turn()}.0", "marked", controls=Controls.RATE)
    await desk.adapter.post(desk.direct, marked)
    noted = await desk.adapter.post(desk.direct, part(f"{turn()}.0", "noted"))
    desk.intake.replies[noted.message_id] = desk.direct
    for message in desk.discord.messages(desk.discord.dm("ada")):
        if message.content == "old":
            desk.intake.replies[str(message.id)] = desk.direct
    await desk.crash()
    async with desk.running():
        assert await desk.adapter.find(desk.direct, f"{turn()}.0") is None


async def test_files_are_found_in_their_order(desk: Desk) -> None:
    """A file has no buttons that could bear its mark."""
    begun = turn()
    files = [
        OutgoingFile(f"{begun}.f{number}", f"{number}.txt", "text/plain", b"x") for number in (0, 1)
    ]
    ids = [await desk.adapter.send_file(desk.direct, file) for file in files]
    await desk.crash()
    async with desk.running():
        found = [await desk.adapter.find(desk.direct, f"{begun}.f{number}") for number in (0, 1, 2)]
    assert found == [*ids, None]


async def test_a_message_somebody_removed_is_posted_anew(desk: Desk) -> None:
    """With the same mark, which Discord would take for the removed one."""
    mark = f"{turn()}.0"
    posted = await desk.adapter.post(desk.direct, part(mark))
    desk.discord.delete(posted.message_id)
    with pytest.raises(MessageGone):
        await desk.adapter.edit(desk.direct, posted.message_id, part(mark, "more"))
    again = await desk.adapter.post(desk.direct, part(mark, "more"))
    assert again.message_id != posted.message_id
    assert desk.discord.visible(desk.discord.dm("ada")) == ("more",)


async def test_a_removed_message_is_posted_anew_after_a_crash_too(desk: Desk) -> None:
    """Discord answers with the removed one, whose text is no longer right."""
    mark = f"{turn()}.0"
    posted = await desk.adapter.post(desk.direct, part(mark, "half", controls=Controls.STOP))
    desk.discord.delete(posted.message_id)
    await desk.crash()
    async with desk.running():
        assert await desk.adapter.find(desk.direct, mark) is None
        await desk.adapter.post(desk.direct, part(mark, "whole"))
    assert desk.discord.visible(desk.discord.dm("ada")) == ("whole",)
