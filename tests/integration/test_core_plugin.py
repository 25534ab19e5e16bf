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
