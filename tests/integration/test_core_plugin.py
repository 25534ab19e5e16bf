"""The commands that ship."""

import json

from bot.plugins import Context, Plugin
from plugins.core import plugin as core
from sandbox.testing import ADMIN, running


async def test_help_lists_the_commands_and_explains_one() -> None:
    """Those of every plugin that the person may use; one by its name."""
    other = Plugin("other", api=1)

    @other.command("greet")
    async def greet(_ctx: Context, who: str) -> str:
        """Greet somebody."""
        return f"Hello, {who}"

    async with running(core, others=(other,)) as bot:
        listed = (await bot.say("help")).text
        assert "| `/greet WHO` | Greet somebody. |" in listed
        assert "| `/reset` |" in listed
        assert (await bot.say("/help /greet")).text == "`/greet WHO`\n\nGreet somebody."
        assert "There is no command `/nothing`." in (await bot.say("/help nothing")).text


async def test_what_concerns_one_person_is_shown_to_them_alone() -> None:
    """Where the platform can do that; in the thread nothing is left."""
    async with running(core, platform="slack") as bot:
        message = bot.tell("/help")
        assert (await bot.answer_to(message)).text.startswith("Ask me anything")
        assert [each.notice_for for each in bot.platform.visible(message.thread)] == [
            message.author
        ]


async def test_reset_begins_afresh() -> None:
    """What was said before is no longer sent to Claude."""
    async with running(core) as bot:
        bot.claude.script.always("Yes.")
        await bot.say("Remember the number 4711")
        await bot.say("Do you?")
        assert "4711" in json.dumps(bot.claude.requests[-1].body)
        assert "begin afresh" in (await bot.say("/reset")).text
        await bot.say("Do you still?")
        assert "4711" not in json.dumps(bot.claude.requests[-1].body)


async def test_a_person_can_be_forgotten() -> None:
    """What plugins keep about them goes, what they keep about others stays; a plugin's own hook is
    called."""
    keeper = Plugin("keeper", api=1)
    forgotten: list[str] = []

    @keeper.command("keep")
    async def keep(ctx: Context) -> str:
        """Keep something."""
        return str(await ctx.store.user.update("n", lambda n: (n or 0) + 1))

    @keeper.forget
    async def forget(_ctx: Context, person: object) -> None:
        forgotten.append(getattr(person, "name", ""))

    async with running(core, others=(keeper,)) as bot:
        await bot.say("/keep")
        await bot.say("/keep", by=ADMIN)
        assert "no plugin keeps anything" in (await bot.say("/forget-me")).text
        assert forgotten == ["Ada"]
        assert (await bot.say("/keep")).text == "1"
        assert (await bot.say("/keep", by=ADMIN)).text == "2"


HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
CHOICE = f'[claude]\nselectable_models = ["{OPUS}"]\n'


async def test_ask_is_the_same_as_saying_it() -> None:
    """Claude is asked the rest of the line, and answers."""
    async with running(core) as bot:
        bot.claude.script.next("Forty-two.")
        heard = await bot.say("/ask What is six times seven?")
        assert (heard.text, heard.outcome) == ("Forty-two.", "answered")
        assert "six times seven" in json.dumps(bot.claude.requests[0].body["messages"])


async def test_a_member_chooses_the_model_of_a_thread() -> None:
    """By a part of its name; other threads keep theirs, and `default` goes back."""
    async with running(core, config=CHOICE) as bot:
        here, there = bot.platform.thread("here"), bot.platform.thread("there")
        assert (
            f"`{SONNET}` answers here (as in the settings)"
            in (await bot.say("/model", thread=here)).text
        )
        told = (await bot.say("/model opus", thread=here)).text
        assert told == f"`{OPUS}` answers here (chosen for this thread)."
        await bot.say("hello", thread=here)
        await bot.say("hello", thread=there)
        assert [each.model for each in bot.claude.requests] == [OPUS, SONNET]
        await bot.say("/model default", thread=here)
        await bot.say("hello again", thread=here)
        assert bot.claude.requests[-1].model == SONNET


async def test_an_admin_chooses_the_model_of_a_channel() -> None:
    """Nobody else may; a thread's own choice is stronger."""
    async with running(core, config=CHOICE) as bot:
        here, there = bot.platform.thread("here"), bot.platform.thread("there")
        assert "Only an admin" in (await bot.say("/model haiku channel", thread=here)).text
        await bot.say("/model opus", thread=there)
        told = (await bot.say("/model haiku channel", by=ADMIN, thread=here)).text
        assert told == f"`{HAIKU}` answers here (chosen for this channel)."
        for thread in (here, there):
            await bot.say("hello", thread=thread)
        assert [each.model for each in bot.claude.requests] == [HAIKU, OPUS]
        await bot.say("/model default channel", by=ADMIN, thread=here)
        await bot.say("hello again", thread=here)
        assert bot.claude.requests[-1].model == SONNET


async def test_only_models_of_the_settings_can_be_chosen() -> None:
    """The others, and parts of names that could be several, are refused with what there is."""
    async with running(core) as bot:
        assert "is no model that can be chosen here" in (await bot.say("/model opus")).text
        told = (await bot.say("/model claude")).text
        assert f"could be several models; there are {SONNET}, {HAIKU}." in told


async def test_settings_say_what_is_in_force_and_admins_more() -> None:
    """Of the channel in which it is asked."""
    config = CHOICE + '[channels."terminal:general".limits]\nchannel_messages = 7\n'
    async with running(core, config=config) as bot:
        told = (await bot.say("/settings")).text
        assert "| Limit of this channel | 7 answers in 60 s, then later |" in told
        assert f"`{SONNET}` answers here" in told
        assert "| Plugins | core |" in told
        assert "Effort" not in told
        more = (await bot.say("/settings", by=ADMIN)).text
        assert f"| May be chosen | {SONNET}, {HAIKU}, {OPUS} |" in more


async def test_feedback_rates_the_last_answer() -> None:
    """A second opinion takes the first one's place; what was said in words admins can read, and a person
    can have it forgotten."""
    async with running(core) as bot:
        thread = bot.platform.thread("here")
        assert "not answered anything" in (await bot.say("/feedback good", thread=thread)).text
        message = bot.tell("hello", thread=thread)
        await bot.answer_to(message)
        assert "noted" in (await bot.say("/feedback good", thread=thread)).text
        await bot.say("/feedback bad It was too long.", thread=thread)
        assert "rating: Input should be" in (await bot.say("/feedback so-so", thread=thread)).text
        assert await bot.ratings(message) == {"U1": False}
        assert "| bad | It was too long. |" in (await bot.say("/feedbacks", by=ADMIN)).text
        await bot.say("/forget-me")
        assert "Nobody has said anything" in (await bot.say("/feedbacks", by=ADMIN)).text
