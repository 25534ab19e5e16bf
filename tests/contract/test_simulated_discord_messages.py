"""Posting, editing, reading and deleting on the simulated Discord, with the real SDK."""

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio

from bot.vocabulary import ManualClock
from sandbox.discord import (
    ChannelType,
    File,
    GatewayRules,
    MessageFlag,
    Overwrite,
    Permission,
    SimulatedDiscord,
)
from tests.contract.discord_clients import BareClient, bare, logged_in


@pytest_asyncio.fixture
async def channel(
    simulated_discord: SimulatedDiscord,
) -> AsyncIterator[discord.PartialMessageable]:
    """The channel `general`, as a client that only makes requests knows it."""
    async with logged_in(simulated_discord) as client:
        yield client.get_partial_messageable(simulated_discord.world.channel("general").id)


@pytest_asyncio.fixture
async def plain(simulated_discord: SimulatedDiscord) -> AsyncIterator[BareClient]:
    """Requests without an SDK."""
    async with bare(simulated_discord) as client:
        yield client


async def test_a_message_is_posted_edited_and_deleted(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """People see each state; the world remembers all of them."""
    posted = await channel.send("helo")
    assert simulated_discord.visible() == ("helo",)
    edited = await posted.edit(content="hello")
    assert edited.edited_at is not None
    assert simulated_discord.visible() == ("hello",)
    await posted.delete()
    assert simulated_discord.visible() == ()
    remembered = simulated_discord.world.message(posted.id)
    assert [version.content for version in remembered.versions] == ["helo", "hello"]
    assert remembered.deleted_at is not None
    with pytest.raises(discord.NotFound) as gone:
        await posted.edit(content="again")
    assert gone.value.code == 10008


async def test_the_length_is_counted_in_code_points(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """2,000 of whatever plane fit; one more does not, in posts and edits."""
    posted = await channel.send("🦜" * 2_000)
    with pytest.raises(discord.HTTPException, match="Must be 2000 or fewer in length") as failed:
        await channel.send("x" * 2_001)
    assert (failed.value.status, failed.value.code) == (400, 50035)
    with pytest.raises(discord.HTTPException, match="Must be 2000 or fewer"):
        await posted.edit(content="x" * 2_001)
    assert len(simulated_discord.visible()) == 1


@pytest.mark.parametrize("text", ["", "  \n "])
async def test_an_empty_message_is_refused(channel: discord.PartialMessageable, text: str) -> None:
    """There must be something to see, blanks aside."""
    with pytest.raises(discord.HTTPException) as failed:
        await channel.send(text)
    assert failed.value.code == 50006


async def test_blanks_around_a_text_are_cut_off(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """As Discord does it."""
    await channel.send("  in the middle \n")
    assert simulated_discord.visible() == ("in the middle",)


async def test_a_nonce_makes_a_post_happen_once() -> None:
    """Within three minutes the first message comes back; later, a new one is made."""
    clock = ManualClock()
    async with SimulatedDiscord(clock=clock) as simulated, logged_in(simulated) as client:
        channel = client.get_partial_messageable(simulated.world.channel("general").id)
        first = await channel.send("hello", nonce="mark-1")
        again = await channel.send("hello again", nonce="mark-1")
        assert (again.id, again.content) == (first.id, "hello")
        assert (await channel.send("other", nonce="mark-2")).id != first.id
        await clock.advance(181)
        assert (await channel.send("hello", nonce="mark-1")).id != first.id
        assert simulated.visible() == ("hello", "other", "hello")


async def test_a_nonce_alone_prevents_nothing(
    simulated_discord: SimulatedDiscord, plain: BareClient
) -> None:
    """Without `enforce_nonce` it is merely repeated."""
    path = f"/channels/{simulated_discord.world.channel('general').id}/messages"
    for _ in range(2):
        _, found = await plain.ask("POST", path, json={"content": "x", "nonce": "n"})
        assert found["nonce"] == "n"
    assert simulated_discord.visible() == ("x", "x")
    _, refused = await plain.ask("POST", path, json={"content": "x", "nonce": "n" * 26})
    assert "nonce" in refused["errors"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"embeds": [{"title": "x" * 257}]}, "embeds"),
        ({"embeds": [{"description": "x" * 4_097}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "n", "value": "x" * 1_025}]}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "n"}]}]}, "embeds"),
        ({"embeds": [{"description": "x" * 4_000}] * 2}, "embeds"),
        ({"embeds": [{"title": "x"}] * 11}, "embeds"),
        ({"components": [{"type": 1, "components": [{"type": 2}]}]}, "components"),
        ({"components": [{"type": 2, "style": 1, "label": "x", "custom_id": "x"}]}, "components"),
        (
            {
                "components": [
                    {
                        "type": 1,
                        "components": [
                            {"type": 2, "style": 1, "label": "x", "custom_id": f"{number}"}
                            for number in range(6)
                        ],
                    }
                ]
            },
            "components",
        ),
        (
            {
                "components": [
                    {
                        "type": 1,
                        "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "same"}],
                    }
                ]
                * 2
            },
            "components",
        ),
        ({"components": [{"type": 10, "content": "x"}], "flags": 1 << 15}, "content"),
        ({"allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "allowed_mentions"),
        ({"allowed_mentions": {"parse": ["nobody"]}}, "allowed_mentions"),
        ({"message_reference": {"message_id": "123"}}, "message_reference"),
        ({"content": 5}, "content"),
    ],
)
async def test_what_is_wrong_with_a_message_is_named(
    simulated_discord: SimulatedDiscord, plain: BareClient, body: dict[str, Any], field: str
) -> None:
    """400, code 50035, and the field; nothing is posted."""
    path = f"/channels/{simulated_discord.world.channel('general').id}/messages"
    response, found = await plain.ask("POST", path, json={"content": "x", **body})
    assert (response.status, found["code"]) == (400, 50035)
    assert field in found["errors"]
    assert simulated_discord.visible() == ()


async def test_what_is_no_json_is_refused(
    simulated_discord: SimulatedDiscord, plain: BareClient
) -> None:
    """400, code 50109; and errors have the content type that answers have."""
    path = f"/channels/{simulated_discord.world.channel('general').id}/messages"
    response, found = await plain.ask("POST", path, data="{")
    assert (response.status, found["code"]) == (400, 50109)
    assert response.headers["Content-Type"] == "application/json"


async def test_a_reply_names_what_it_answers(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """It comes with the message, also for one that was deleted, if the bot does not insist."""
    asked = simulated_discord.say("a question")
    replied = await channel.send(
        "an answer", reference=channel.get_partial_message(asked.id).to_reference()
    )
    assert replied.type is discord.MessageType.reply
    assert replied.reference is not None
    assert isinstance(replied.reference.resolved, discord.Message)
    assert replied.reference.resolved.content == "a question"
    simulated_discord.delete(asked)
    gone = channel.get_partial_message(asked.id)
    with pytest.raises(discord.HTTPException, match="Unknown message"):
        await channel.send("x", reference=gone.to_reference())
    await channel.send("x", reference=gone.to_reference(fail_if_not_exists=False))


async def test_a_reply_to_a_system_message_is_refused(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """Nobody wrote it."""
    simulated_discord.join("newcomer")
    (joined,) = simulated_discord.messages()
    reference = channel.get_partial_message(joined.id).to_reference(fail_if_not_exists=False)
    with pytest.raises(discord.HTTPException, match="system message"):
        await channel.send("welcome", reference=reference)


async def test_half_a_character_is_no_json(
    simulated_discord: SimulatedDiscord, plain: BareClient
) -> None:
    """A lone surrogate is refused."""
    path = f"/channels/{simulated_discord.world.channel('general').id}/messages"
    _, found = await plain.ask("POST", path, data=b'{"content": "\\ud800"}')
    assert found["code"] == 50109


async def test_files_are_uploaded_and_served(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """With their description; an edit can keep, add and drop them."""
    posted = await channel.send(
        "a file", file=discord.File(io.BytesIO(b"one"), "my file.txt", description="The first")
    )
    (attachment,) = posted.attachments
    assert (attachment.filename, attachment.description) == ("my_file.txt", "The first")
    assert attachment.content_type == "text/plain"
    assert await attachment.read() == b"one"
    both = await posted.add_files(discord.File(io.BytesIO(b"two"), "two.bin"))
    assert [each.filename for each in both.attachments] == ["my_file.txt", "two.bin"]
    fewer = await both.remove_attachments(both.attachments[0])
    assert [each.filename for each in fewer.attachments] == ["two.bin"]
    seen = simulated_discord.world.message(posted.id)
    assert [file.content for file in seen.attachments] == [b"two"]


async def test_what_people_upload_can_be_fetched(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """And it goes with its message."""
    said = simulated_discord.say("look", attachments=[File("a.png", b"png", "image/png")])
    found = await channel.fetch_message(said.id)
    assert await found.attachments[0].read() == b"png"
    simulated_discord.delete(said)
    with pytest.raises(discord.NotFound):
        await found.attachments[0].read()


async def test_a_file_that_is_too_large_is_refused(
    channel: discord.PartialMessageable,
) -> None:
    """10 MiB and one byte are too much; 10 MiB twice fit."""
    most = 10 * 1024 * 1024
    with pytest.raises(discord.HTTPException) as failed:
        await channel.send(file=discord.File(io.BytesIO(b"x" * (most + 1)), "x"))
    assert (failed.value.status, failed.value.code) == (413, 40005)
    await channel.send(files=[discord.File(io.BytesIO(b"x" * most), "x") for _ in range(2)])


async def test_history_is_read_from_any_end(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """`after`, `before`, `around` and a limit, through several pages."""
    said = [simulated_discord.say(f"message {number}") for number in range(250)]
    simulated_discord.delete(said[248])
    newest = [message.content async for message in channel.history(limit=2)]
    assert newest == ["message 249", "message 247"]
    after = channel.get_partial_message(said[9].id)
    found = [message.content async for message in channel.history(after=after, limit=None)]
    assert found[:2] == ["message 10", "message 11"]
    assert len(found) == 239
    before = channel.get_partial_message(said[3].id)
    older = [message.content async for message in channel.history(before=before)]
    assert older == ["message 2", "message 1", "message 0"]
    around = channel.get_partial_message(said[100].id)
    near = [message.content async for message in channel.history(around=around, limit=3)]
    assert sorted(near) == ["message 100", "message 101", "message 99"]


async def test_history_has_no_content_without_the_grant(
    simulated_discord: SimulatedDiscord,
) -> None:
    """What the portal does not grant is blank in answers too, direct messages aside."""
    async with SimulatedDiscord(rules=GatewayRules(granted=0)) as simulated:
        simulated.say("unread")
        simulated.say("direct", direct=True)
        async with logged_in(simulated) as client:
            for place, text in (
                (simulated.world.channel("general"), ""),
                (simulated.dm(), "direct"),
            ):
                channel = client.get_partial_messageable(place.id)
                assert [message.content async for message in channel.history()] == [text]


@pytest.mark.parametrize(
    ("denied", "code"),
    [
        (Permission.VIEW_CHANNEL, 50001),
        (Permission.SEND_MESSAGES, 50013),
        (Permission.EMBED_LINKS, 50013),
        (Permission.ATTACH_FILES, 50013),
        (Permission.READ_MESSAGE_HISTORY, 160002),
    ],
)
async def test_what_is_denied_is_refused(
    simulated_discord: SimulatedDiscord,
    channel: discord.PartialMessageable,
    denied: Permission,
    code: int,
) -> None:
    """A message that needs every permission fails for the one that is denied."""
    asked = simulated_discord.say("a question")
    simulated_discord.world.channel("general").overwrites.append(
        Overwrite(id=simulated_discord.bot.id, for_member=True, deny=denied)
    )
    with pytest.raises(discord.HTTPException) as failed:
        await channel.send(
            "x",
            embed=discord.Embed(title="x"),
            file=discord.File(io.BytesIO(b"x"), "x.txt"),
            reference=channel.get_partial_message(asked.id).to_reference(),
        )
    assert failed.value.code == code


async def test_without_history_there_is_nothing_to_read(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """The list is empty; a single message is refused."""
    said = simulated_discord.say("hello")
    everybody = simulated_discord.guild.roles[simulated_discord.guild.id]
    everybody.permissions &= ~Permission.READ_MESSAGE_HISTORY
    assert [message async for message in channel.history()] == []
    with pytest.raises(discord.Forbidden) as failed:
        await channel.fetch_message(said.id)
    assert failed.value.code == 50013


async def test_places_that_are_not_there(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """10003 for a channel that is gone, 50001 for a guild that threw the bot out."""
    random = simulated_discord.world.channel("random")
    simulated_discord.delete_channel(random)
    with pytest.raises(discord.NotFound) as gone:
        await channel._state.http.send_typing(random.id)
    assert gone.value.code == 10003
    simulated_discord.remove_bot()
    with pytest.raises(discord.Forbidden) as removed:
        await channel.send("x")
    assert removed.value.code == 50001


async def test_direct_messages_are_opened_and_closed(
    simulated_discord: SimulatedDiscord,
) -> None:
    """The bot can write to a person first; not to one who does not want that."""
    async with logged_in(simulated_discord) as client:
        user = await client.fetch_user(simulated_discord.world.user("ada").id)
        dm = await user.create_dm()
        await dm.send("hello")
        assert simulated_discord.visible(simulated_discord.dm("ada")) == ("hello",)
        assert dm.id == simulated_discord.dm("ada").id
        simulated_discord.close_dm("ada")
        with pytest.raises(discord.Forbidden) as closed:
            await dm.send("hello?")
        assert closed.value.code == 50007


async def test_what_others_wrote_can_not_be_edited(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """50005; deleting it needs a permission, and is impossible in a direct message."""
    said = channel.get_partial_message(simulated_discord.say("mine").id)
    with pytest.raises(discord.Forbidden) as edited:
        await said.edit(content="yours")
    assert edited.value.code == 50005
    with pytest.raises(discord.Forbidden) as deleted:
        await said.delete()
    assert deleted.value.code == 50013
    direct = simulated_discord.say("mine", direct=True)
    with pytest.raises(discord.Forbidden) as in_dm:
        await channel._state.http.delete_message(direct.channel_id, direct.id)
    assert in_dm.value.code == 50003


async def test_flags_are_kept(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """Without embeds, without a sound."""
    posted = await channel.send("x", suppress_embeds=True, silent=True)
    shown = simulated_discord.world.message(posted.id).now.flags
    assert shown == MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS
    assert posted.flags.suppress_embeds


async def test_typing_is_seen_until_the_message_comes(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """The bot types for at most ten seconds."""
    await channel._state.http.send_typing(channel.id)
    assert simulated_discord.typing() == ("Parley",)
    await channel.send("there")
    assert simulated_discord.typing() == ()


async def test_reactions_are_added_and_removed(
    simulated_discord: SimulatedDiscord, channel: discord.PartialMessageable
) -> None:
    """By the bot, of an emoji that there is."""
    said = simulated_discord.say("nice")
    message = await channel.fetch_message(said.id)
    await message.add_reaction("👍")
    assert said.reactions == {"👍": [simulated_discord.bot.id]}
    found = await channel.fetch_message(said.id)
    assert [user.id async for user in found.reactions[0].users()] == [simulated_discord.bot.id]
    await message.remove_reaction("👍", discord.Object(simulated_discord.bot.id))
    assert said.reactions == {}
    with pytest.raises(discord.HTTPException) as failed:
        await message.add_reaction("nonsense")
    assert failed.value.code == 10014


async def test_an_old_message_takes_few_edits() -> None:
    """After an hour, a handful; then 30046."""
    clock = ManualClock()
    async with SimulatedDiscord(clock=clock) as simulated, bare(simulated) as client:
        path = f"/channels/{simulated.world.channel('general').id}/messages"
        _, posted = await client.ask("POST", path, json={"content": "x"})
        for number in range(20):
            response, _ = await client.ask(
                "PATCH", f"{path}/{posted['id']}", json={"content": f"{number}"}
            )
            assert response.status == 200
        await clock.advance(7_200)
        statuses = [
            (await client.ask("PATCH", f"{path}/{posted['id']}", json={"content": "x"}))[0].status
            for _ in range(6)
        ]
        assert statuses == [200] * 5 + [429]


async def test_a_forum_takes_threads_alone(
    simulated_discord: SimulatedDiscord,
) -> None:
    """A post is a thread with a first message."""
    forum = simulated_discord.add_channel("ideas", type=ChannelType.FORUM)
    async with logged_in(simulated_discord) as client:
        with pytest.raises(discord.HTTPException) as failed:
            await client.get_partial_messageable(forum.id).send("x")
        assert failed.value.code == 40058
        found = await client.fetch_channel(forum.id)
        assert isinstance(found, discord.ForumChannel)
        post = await found.create_thread(name="An idea", content="What if?")
        assert simulated_discord.visible(post.thread.id) == ("What if?",)


async def test_a_form_without_files_is_read_as_well(
    simulated_discord: SimulatedDiscord, plain: BareClient
) -> None:
    """`payload_json` in a form is the body."""
    path = f"/channels/{simulated_discord.world.channel('general').id}/messages"
    form = aiohttp.FormData()
    form.add_field("payload_json", json.dumps({"content": "by form"}))
    form.add_field("files[0]", b"x", filename="x.txt", content_type="text/plain")
    response, _ = await plain.ask("POST", path, data=form)
    assert response.status == 200
    assert simulated_discord.requests[-1].body == {"content": "by form"}
    assert simulated_discord.requests[-1].files == ("x.txt",)
