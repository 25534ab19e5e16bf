"""How the bot talks on Discord, through the whole service."""

from structlog.testing import capture_logs

from sandbox.claude import Pace, Reply
from sandbox.discord import File, GatewayRules, Overwrite, Permission, SimulatedDiscord
from tests.discord_rig import DiscordRig, on_discord
from tests.support import wait_until

SLOWLY = Pace(first_token_s=0.0, tokens_per_s=40.0)
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4"
    b"\x89\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00\x00\x00IEND\xaeB`"
    b"\x82"
)


def asked(rig: DiscordRig) -> str:
    """The last text that Claude was asked."""
    content = rig.claude.requests[-1].body["messages"][-1]["content"]
    return "\n".join(block["text"] for block in content if block["type"] == "text")


async def test_a_direct_message_is_answered_there(sqlite_url: str) -> None:
    """A DM is a conversation: the answer stands in it, and is no reply; the next one knows the last."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.next("Paris.", "Rome.")
        direct = rig.discord.dm("ada")
        rig.discord.say("What is the capital of France?", direct=True)
        (message,) = await rig.shows("Paris.", channel=direct)
        assert message.reply_to_id is None
        rig.discord.say("And of Italy?", direct=True)
        await rig.shows("Paris.", "Rome.", channel=direct)
        assert len(rig.claude.requests[-1].body["messages"]) == 3


async def test_a_mention_is_answered_as_a_reply(sqlite_url: str) -> None:
    """In a channel, the answer is a reply to the question; the mention does not reach the model."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Paris.")
        question = rig.discord.say("What is the capital of France?", mention=True)
        (message,) = await rig.shows("Paris.")
        assert message.reply_to_id == question.id
        assert not rig.discord.pings()
        assert asked(rig) == "[Ada says:]\nWhat is the capital of France?"


async def test_a_reply_to_the_bot_goes_on_with_its_conversation(sqlite_url: str) -> None:
    """No mention is needed; the next answer replies to the newest message, and knows the first."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.next("Paris.", "About two million.")
        rig.discord.say("What is the capital of France?", mention=True)
        (answer,) = await rig.shows("Paris.")
        more = rig.discord.say(
            "How many live there?", reply_to=answer, by="grace", ping_reply=False
        )
        _, second = await rig.shows("Paris.", "About two million.")
        assert second.reply_to_id == more.id
        assert len(rig.claude.requests[-1].body["messages"]) == 3


async def test_what_a_mention_replies_to_is_known(sqlite_url: str) -> None:
    """The chain of messages that it replies to goes along, with their authors."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        first = rig.discord.say("Shall we ship on Friday?", by="grace")
        second = rig.discord.say("I would rather not.", reply_to=first)
        rig.discord.say("Who is right?", reply_to=second, mention=True, by="grace")
        await rig.shows("Yes.")
        assert "Grace: Shall we ship on Friday?\nAda: I would rather not.\n" in asked(rig)


async def test_what_was_said_in_a_thread_before_is_known(sqlite_url: str) -> None:
    """Called into a thread, the bot has read it, and answers there."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("In room 3.")
        start = rig.discord.say("Where shall we meet?", by="grace")
        thread = rig.discord.open_thread("Meeting", message=start)
        rig.discord.say("Not in room 2.", channel=thread)
        rig.discord.say("What do you think?", channel=thread, mention=True)
        await rig.shows("In room 3.", channel=thread)
        assert "Ada: Not in room 2." in asked(rig)
        assert not rig.replies("general")


async def test_a_thread_is_opened_on_a_mention(sqlite_url: str) -> None:
    """With `threads = true` the answer stands in a thread that is named from the question, where its
    asker need not mention the bot again."""
    async with on_discord(sqlite_url, "[discord]\nthreads = true\n") as rig:
        rig.claude.script.next("Paris.", "Rome.")
        question = rig.discord.say("What is the capital of France?", mention=True)
        await wait_until(lambda: question.id in rig.discord.world.channels, what="the thread")
        thread = rig.discord.world.channels[question.id]
        (message,) = await rig.shows("Paris.", channel=thread)
        assert thread.name == "What is the capital of France?"
        assert message.reply_to_id is None
        assert not rig.replies("general")
        rig.discord.say("And of Italy?", channel=thread)
        await rig.shows("Paris.", "Rome.", channel=thread)


async def test_where_no_thread_can_be_opened_the_answer_is_a_reply(sqlite_url: str) -> None:
    """A missing permission costs nobody the answer."""
    async with on_discord(sqlite_url, "[discord]\nthreads = true\n") as rig:
        rig.claude.script.always("Paris.")
        denied = Overwrite(
            id=rig.discord.bot.id, for_member=True, deny=Permission.CREATE_PUBLIC_THREADS
        )
        rig.discord.world.channel("general").overwrites.append(denied)
        question = rig.discord.say("What is the capital of France?", mention=True)
        (message,) = await rig.shows("Paris.")
        assert message.reply_to_id == question.id


async def test_without_the_content_intent_mentions_are_answered(sqlite_url: str) -> None:
    """Where it is not granted it is not asked for, the log says once what that means, and the bot
    answers what mentions it."""
    with capture_logs() as logged:
        await _asked_without_content(sqlite_url)
    said = [each["event"] for each in logged if "message content" in each["event"]]
    assert len(said) == 1
    assert "only what mentions it" in said[0]


async def _asked_without_content(sqlite_url: str) -> None:
    async with on_discord(
        sqlite_url, discord=SimulatedDiscord(rules=GatewayRules(granted=0))
    ) as rig:
        rig.claude.script.always("Paris.")
        rig.discord.say("What is the capital of France?", mention=True)
        (answer,) = await rig.shows("Paris.")
        rig.discord.say("Thanks.", reply_to=answer)
        await rig.shows("Paris.", "Paris.")
        assert rig.discord.gateway.identifies == 1


async def test_an_edited_question_is_answered_as_it_is_now(sqlite_url: str) -> None:
    """The answer being written gives way to the one to the new question, in the same message."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.when("France", Reply("The capital of France is " * 30, pace=SLOWLY))
        rig.claude.script.when("Italy", "Rome.")
        question = rig.discord.say("What is the capital of France?", direct=True)
        await wait_until(lambda: rig.texts(rig.discord.dm("ada")), what="the first text")
        rig.discord.edit(question, "What is the capital of Italy?")
        await rig.shows("Rome.", channel=rig.discord.dm("ada"))


async def test_a_deleted_question_is_not_answered(sqlite_url: str) -> None:
    """What was shown already is taken away."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always(Reply("The capital of France is " * 30, pace=SLOWLY))
        question = rig.discord.say("What is the capital of France?", mention=True)
        await wait_until(rig.texts, what="the first text")
        rig.discord.delete(question)
        await wait_until(lambda: not rig.texts(), what="nothing shown")


async def test_bots_and_webhooks_are_not_answered(sqlite_url: str) -> None:
    """Whatever they mention; a person after them is."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Paris.")
        other = rig.discord.world.add_user("other", is_bot=True)
        rig.discord.world.add_member(rig.discord.guild, other)
        rig.discord.say("What is the capital of France?", by=other, mention=True)
        rig.discord.say("What is the capital of France?", mention=True)
        await rig.shows("Paris.")
        assert len(rig.claude.requests) == 1


async def test_codes_are_readable_to_the_model(sqlite_url: str) -> None:
    """People, roles, channels, emoji and times have their names."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Yes.")
        world = rig.discord.world
        grace, random = world.user("grace"), world.channel("random")
        text = f"Ask <@{grace.id}> in <#{random.id}> <:party:123> at <t:1795420800:R>"
        rig.discord.say(text, mention=True)
        await rig.shows("Yes.")
        assert asked(rig).endswith("Ask @Grace in #random :party: at 2026-11-23 08:00 UTC")


async def test_the_answer_pings_nobody(sqlite_url: str) -> None:
    """Whatever the model says; it may name those who take part."""
    async with on_discord(sqlite_url) as rig:
        grace, ada = rig.discord.world.user("grace"), rig.discord.world.user("ada")
        text = f"@everyone @here <@{grace.id}> <@{ada.id}> look!"
        rig.claude.script.always(text)
        rig.discord.say("Who is there?", mention=True)
        await rig.shows(text)
        assert {reached for ping in rig.discord.pings() for reached in ping.reaches} <= {ada.id}


async def test_a_long_answer_takes_several_messages(sqlite_url: str) -> None:
    """Nothing of it is lost, and each of them belongs to the question."""
    async with on_discord(sqlite_url) as rig:
        words = [f"word{number}" for number in range(700)]
        rig.claude.script.always(" ".join(words))
        question = rig.discord.say("Tell me a story.", mention=True)
        await wait_until(
            lambda: " ".join(rig.texts()).split() == words, 20.0, what="the whole answer"
        )
        assert len(rig.replies()) > 1
        assert {message.reply_to_id for message in rig.replies()} == {question.id}


async def test_long_code_comes_as_a_file(sqlite_url: str) -> None:
    """In one message of its own, below the words around it."""
    async with on_discord(sqlite_url) as rig:
        code = "\n".join(f"print({number})  # a line of code" for number in range(250))
        rig.claude.script.always(f"Here it is:\n\n```python\n{code}\n```\n\nRun it.")
        rig.discord.say("Write me a long script.", mention=True)
        await wait_until(
            lambda: [file for each in rig.replies() for file in each.attachments], what="the file"
        )
        (file,) = (file for each in rig.replies() for file in each.attachments)
        assert file.filename.endswith(".py")
        assert file.content.decode().strip() == code
        assert "Run it." in "\n".join(rig.texts())


async def test_images_are_seen(sqlite_url: str) -> None:
    """A picture goes to the model."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("One pixel.")
        rig.discord.say("What is this?", mention=True, attachments=[File("dot.png", PNG)])
        await rig.shows("One pixel.")
        content = rig.claude.requests[-1].body["messages"][-1]["content"]
        assert "image" in [block["type"] for block in content]


async def test_the_stop_button_ends_the_answer_where_it_is(sqlite_url: str) -> None:
    """The press is acknowledged, and the text so far stays."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always(Reply("and on " * 300, pace=SLOWLY))
        rig.discord.say("Tell me a story.", mention=True)
        await wait_until(lambda: rig.replies() and rig.writing(rig.replies()[0]), what="Stop")
        press = rig.discord.press(rig.replies()[0], "Stop")
        await wait_until(lambda: not rig.writing(rig.replies()[0]), 20.0, what="the end")
        assert rig.texts()[0].startswith("and on")
        assert len(rig.texts()[0]) < 2000
        assert press.response is not None


async def test_an_answer_can_be_rated(sqlite_url: str) -> None:
    """There are two buttons under it; a press is acknowledged and changes nothing to be seen."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Paris.")
        rig.discord.say("What is the capital of France?", direct=True)
        (message,) = await rig.shows("Paris.", channel=rig.discord.dm("ada"))
        good, bad = message.buttons
        press = rig.discord.press(message, str(good["custom_id"]))
        await wait_until(lambda: press.response is not None, what="the acknowledgement")
        assert bad["custom_id"] != good["custom_id"]


async def test_somebody_who_takes_no_messages_holds_up_nobody(sqlite_url: str) -> None:
    """The turn ends, and the next person is answered."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Paris.")
        rig.discord.say("What is the capital of France?", direct=True, by="grace")
        rig.discord.close_dm("grace")
        rig.discord.say("What is the capital of France?", direct=True)
        await rig.shows("Paris.", channel=rig.discord.dm("ada"))
        assert not rig.texts(rig.discord.dm("grace"))


async def test_typing_is_shown_at_once(sqlite_url: str) -> None:
    """Before there is any text."""
    async with on_discord(sqlite_url) as rig:
        rig.claude.script.always("Paris.")
        rig.claude.hold()
        rig.discord.say("What is the capital of France?", direct=True)
        await wait_until(
            lambda: rig.discord.requests_of("POST /channels/{}/typing"), what="the typing sign"
        )
        assert not rig.texts(rig.discord.dm("ada"))
        rig.claude.release()
        await rig.shows("Paris.", channel=rig.discord.dm("ada"))
