"""Slash commands, the menu of a message and buttons on Discord, through the whole service."""

from sandbox.discord import Fault, Overwrite, Permission, ResponseType
from tests.discord_rig import DiscordRig, on_discord
from tests.support import wait_until

ORIGINAL = "PATCH /webhooks/{}/{}/messages/{}"
COMMANDS = "PUT /applications/{}/commands"


async def listed(rig: DiscordRig) -> None:
    """Return once Discord lists the commands."""
    await wait_until(lambda: rig.discord.requests_of(COMMANDS), what="the commands")


async def test_commands_are_written_once(sqlite_url: str) -> None:
    """And not again by the next start, as they are the same."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        (written,) = rig.discord.requests_of(COMMANDS)
        names = {command["name"] for command in written.body}
        assert {"help", "reset", "Ask about this"} <= names
        assert all(command["integration_types"] == [0, 1] for command in written.body)
        await rig.stop()
        await rig.start()
        rig.discord.slash("help")
        await wait_until(lambda: rig.discord.visible(to="ada"), what="an answer")
        assert len(rig.discord.requests_of(COMMANDS)) == 1


async def test_a_command_is_answered_to_its_caller(sqlite_url: str) -> None:
    """What concerns one person is shown to one person, and takes the place of "… is thinking"."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        call = rig.discord.slash("help")
        await wait_until(
            lambda: call.original and call.original.content and not call.original.loading,
            what="the answer",
        )
        assert call.response is ResponseType.DEFERRED_MESSAGE
        assert call.original is not None
        assert "/reset" in call.original.content
        assert call.original.ephemeral
        assert len(call.messages) == 1
        assert not rig.texts() or rig.replies() == [call.original]


async def test_a_command_is_about_the_conversation_it_is_called_in(sqlite_url: str) -> None:
    """`/reset` among direct messages makes Claude forget what was said in them."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        rig.claude.script.always("Noted.")
        dm = rig.discord.dm("ada")
        rig.discord.say("The password is swordfish.", direct=True)
        await wait_until(lambda: "Noted." in rig.texts(dm), what="the first answer")
        call = rig.discord.slash("reset", direct=True)
        await wait_until(
            lambda: call.original and "afresh" in call.original.content, what="a word on it"
        )
        rig.claude.script.always("What password?")
        rig.discord.say("What is the password?", direct=True)
        await wait_until(lambda: "What password?" in rig.texts(dm), what="the next answer")
        assert "swordfish" not in str(rig.claude.requests[-1].body)


async def test_an_answer_waits_for_the_acknowledgement(sqlite_url: str) -> None:
    """Discord knows no answer to what was not acknowledged yet."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        rig.discord.hold("POST /interactions/{}/{}/callback")
        call = rig.discord.slash("reset")
        await rig.discord.wait_for_held()
        rig.discord.say("Are you there?", mention=True)
        await wait_until(rig.texts, what="an answer that comes later")
        rig.discord.release()
        await wait_until(lambda: call.original and call.original.content, what="the answer")
        assert {each.status for each in rig.discord.requests_of(ORIGINAL)} == {200}


async def test_a_message_can_be_asked_about(sqlite_url: str) -> None:
    """From its menu; the answer is for everybody who sees the message."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        rig.claude.script.when("ship it on Friday", "Better not.")
        message = rig.discord.say("Let us ship it on Friday!", by="grace")
        call = rig.discord.context_menu("Ask about this", message)
        await rig.shows("Better not.")
        assert call.original is not None
        assert not call.original.ephemeral


async def test_a_reply_to_a_call_s_answer_begins_a_conversation(sqlite_url: str) -> None:
    """It is answered below, and knows what it replies to; the call's answer stays as it is."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        rig.claude.script.next("Better not.", "Because nobody is there.")
        message = rig.discord.say("Let us ship it on Friday!", by="grace")
        rig.discord.context_menu("Ask about this", message)
        (answer,) = await rig.shows("Better not.")
        why = rig.discord.say("Why?", reply_to=answer)
        _, second = await rig.shows("Better not.", "Because nobody is there.")
        assert second.reply_to_id == why.id
        content = rig.claude.requests[-1].body["messages"][-1]["content"]
        assert "parley: Better not." in content[-1]["text"]


def token_is_over(rig: DiscordRig) -> None:
    """As after fifteen minutes: calls can't be answered by their webhook any more."""
    rig.discord.fail_next(
        Fault.of_status(401, code=50027, message="Invalid Webhook Token"),
        times=None,
        route=ORIGINAL,
    )


async def test_an_answer_outlives_the_token(sqlite_url: str) -> None:
    """After fifteen minutes it is an ordinary message in the channel."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        rig.claude.script.always("Better not.")
        message = rig.discord.say("Let us ship it on Friday!", by="grace")
        token_is_over(rig)
        rig.discord.context_menu("Ask about this", message)
        await wait_until(lambda: "Better not." in rig.texts(), what="the answer")


async def test_where_the_channel_is_closed_the_caller_is_told_directly(sqlite_url: str) -> None:
    """When the token serves no more and the channel can't be posted in."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        rig.claude.script.always("Better not.")
        message = rig.discord.say("Let us ship it on Friday!", by="grace")
        token_is_over(rig)
        denied = Overwrite(id=rig.discord.bot.id, for_member=True, deny=Permission.SEND_MESSAGES)
        rig.discord.world.channel("general").overwrites.append(denied)
        rig.discord.context_menu("Ask about this", message)
        await rig.shows("Better not.", channel=rig.discord.dm("ada"))


async def test_a_call_survives_a_restart(sqlite_url: str) -> None:
    """Its answer still takes the place of "… is thinking"."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        rig.claude.script.always("Better not.")
        rig.claude.hold()
        message = rig.discord.say("Let us ship it on Friday!", by="grace")
        call = rig.discord.context_menu("Ask about this", message)
        await wait_until(lambda: rig.claude.requests, what="the request to Claude")
        await rig.stop()
        rig.claude.release()
        await rig.start()
        await rig.shows("Better not.")
        assert [each.content for each in call.messages] == ["Better not."]


async def test_a_command_in_a_direct_message(sqlite_url: str) -> None:
    """Commands work there as well."""
    async with on_discord(sqlite_url) as rig:
        await listed(rig)
        call = rig.discord.slash("help", direct=True)
        await wait_until(lambda: call.original and call.original.content, what="the answer")
