"""How the bot talks on Discord, through the whole service."""

from tests.discord_rig import on_discord


async def test_a_direct_message_is_answered_there(sqlite_url: str) -> None:
    """A DM is a conversation: one message, in the DM, no reply reference."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Paris.")
        rig.discord.say("What is the capital of France?", direct=True)
        (message,) = await rig.shows("Paris.", channel=rig.discord.dm("ada"))
        assert message.reply_to_id is None


async def test_a_mention_is_answered_as_a_reply(sqlite_url: str) -> None:
    """In a channel, the answer is a reply to the question, and pings nobody."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Paris.")
        question = rig.discord.say("What is the capital of France?", mention=True)
        (message,) = await rig.shows("Paris.")
        assert message.reply_to_id == question.id
        assert not rig.discord.pings()
