"""Plugins that hand the host nonsense, begin badly or claim what is others': the bot goes on answering."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.memory import MemoryAdapter
from bot.host.errors import PluginsUnusable
from bot.plugins import Answer, Ask, Block, Context, Person, Plugin, PluginError, Told, ToolSpec
from bot.ports import AdapterSetup
from plugins import core
from sandbox.claude import Reply
from sandbox.claude.script import ToolCall
from sandbox.testing import Bot, running


async def still_there(bot: Bot) -> None:
    """A question is answered."""
    bot.claude.script.next("Still here.")
    assert (await bot.say("Are you there?")).text == "Still here."


def teller(returned: Any) -> Plugin[Any, Any]:
    """A plugin whose command returns that."""
    plugin = Plugin("teller", api=1)

    @plugin.command("tell")
    async def tell(_ctx: Context) -> str:
        """Tell."""
        return returned  # type: ignore[no-any-return]  # on purpose

    return plugin


@pytest.mark.parametrize(
    "returned",
    [42, b"x", Answer(None), Answer("x", ("no file",)), Ask(7), ["x"]],  # type: ignore[arg-type]
)
async def test_what_is_no_answer_fails_as_the_plugin_s_own_fault(returned: Any) -> None:
    """With a sentence and a reference."""
    async with running(teller(returned)) as bot:
        heard = await bot.say("/tell")
        assert (heard.outcome, "`/tell` did not work" in heard.text) == ("failed", True)
        await still_there(bot)


def source(found: Any) -> Plugin[Any, Any]:
    """A plugin whose tools, at run time, are that: a value, or a function that gives it."""
    plugin = Plugin("source", api=1)

    @plugin.dynamic_tools
    async def tools(_ctx: Context) -> Any:
        return await found() if callable(found) else found

    return plugin


def _tool(plugin: str) -> ToolSpec:
    async def handler(_ctx: Context) -> str:
        return "stolen"

    return Plugin(plugin, api=1).dynamic_tool(
        "look", handler, description="Look.", schema={"type": "object"}
    )


async def _never() -> Any:
    await asyncio.Event().wait()


async def _leaves() -> Any:
    sys.exit(3)


@pytest.mark.parametrize("found", [None, 7, [1, "x"], [_tool("core")], _never, _leaves])
async def test_what_are_no_tools_are_none(found: Any) -> None:
    """Neither nonsense nor another plugin's name; the answer goes on without them."""
    async with running(source(found)) as bot:
        await still_there(bot)
        assert "tools" not in bot.claude.requests[-1].body


def test_a_tool_at_run_time_needs_a_schema_that_the_api_takes() -> None:
    """One that it refuses would fail every answer."""
    with pytest.raises(PluginError, match="must be that of an object"):
        Plugin("odd", api=1).dynamic_tool("x", _never, description="x", schema={"type": "string"})


async def test_a_tool_that_returns_what_json_can_t_hold_failed() -> None:
    """Claude is told, and the answer goes on."""
    plugin = Plugin("odd", api=1)

    @plugin.tool()
    async def circle(_ctx: Context) -> list[Any]:
        """Return a list that holds itself."""
        endless: list[Any] = []
        endless.append(endless)
        return endless

    async with running(plugin) as bot:
        bot.claude.script.next(Reply(tool_calls=(ToolCall("odd__circle", {}),)), "A pity.")
        assert (await bot.say("use it")).text == "A pity."
        (result,) = bot.claude.requests[-1].body["messages"][-1]["content"]
        assert result["content"][0]["text"] == "The tool failed."


async def test_a_reason_that_is_no_text_blocks_all_the_same() -> None:
    """A filter's verdict holds, however it is put."""
    plugin = Plugin("odd", api=1)

    @plugin.filter(stage="inbound", on_error="block")
    async def no(_ctx: Context, _text: str) -> Block:
        return Block(42)  # type: ignore[arg-type]  # on purpose

    async with running(plugin) as bot:
        assert (await bot.say("hello")).text == "42"
        assert not bot.claude.requests


@pytest.mark.parametrize("how", ["raises", "leaves", "yields nothing"])
async def test_a_lifespan_that_fails_costs_its_plugin_alone(how: str) -> None:
    """What it has is refused with a sentence; the rest works. If the plugin is required, nothing starts."""
    plugin = Plugin("odd", api=1)

    @plugin.lifespan
    async def lifespan(_ctx: Context) -> AsyncIterator[None]:
        if how == "raises":
            raise RuntimeError("password=1234")
        if how == "leaves":
            sys.exit(3)
        if how == "never":
            yield

    @plugin.command("odd")
    async def odd(_ctx: Context) -> str:
        """Do something odd."""
        return "odd"

    async with running(plugin) as bot:
        heard = await bot.say("/odd")
        assert (heard.outcome, "1234" in heard.text) == ("failed", False)
        await still_there(bot)
    with pytest.raises(PluginsUnusable, match="plugin odd is required"):
        async with running(plugin, {"required": True}):
            pass


async def test_a_platform_that_can_t_be_made_costs_its_plugin_alone() -> None:
    """And so does one that takes the name of another."""
    plugin = Plugin("odd", api=1)

    @plugin.adapter("broken")
    class Broken(MemoryAdapter):
        """It can't be made."""

        @classmethod
        def from_setup(cls, setup: AdapterSetup) -> "Broken":
            """Fail."""
            raise RuntimeError("no such network")

    @plugin.adapter("terminal")
    class Stolen(Broken):
        """It takes the terminal's name."""

    async with running(plugin) as bot:
        await still_there(bot)
    with pytest.raises(PluginsUnusable, match="its platform broken can't be had"):
        async with running(plugin, {"required": True}):
            pass


async def test_a_plugin_that_does_not_forget_is_named() -> None:
    """To the person; what the others keep is gone all the same."""
    plugin = Plugin("elephant", api=1)

    @plugin.forget
    async def forget(_ctx: Context, _person: Person) -> None:
        raise RuntimeError("never")

    async with running(core.plugin, others=(plugin,)) as bot:
        assert "I could not make elephant forget you" in (await bot.say("/forget-me")).text


BROKEN = "a\ud800b\x00c"
MENDED = "a\ufffdb\ufffdc"


def broken_text() -> Plugin[Any, Any]:
    """A plugin that says, everywhere, what no database takes."""
    plugin = Plugin("broken", api=1)

    @plugin.command("answer")
    async def answer(_ctx: Context) -> str:
        """Answer."""
        return BROKEN

    @plugin.command("told")
    async def told(_ctx: Context) -> str:
        """Refuse."""
        raise Told(BROKEN)

    @plugin.command("ask")
    async def ask(ctx: Context) -> Ask:
        """Ask Claude, and show something meanwhile."""
        ctx.show(BROKEN)
        return Ask(BROKEN)

    @plugin.tool()
    async def tool(_ctx: Context) -> str:
        """Return it."""
        return BROKEN

    @plugin.filter(stage="outbound", on_error="block")
    async def spoil(_ctx: Context, text: str) -> Block | str | None:
        """Put it in the place of a text, or in a reason."""
        if text == "block me":
            return Block(BROKEN)
        return BROKEN if text == "spoil me" else None

    return plugin


@pytest.mark.parametrize("command", ["answer", "told"])
async def test_text_that_no_database_takes_is_mended(command: str) -> None:
    """What a command says is shown with what can't be written down replaced, and holds no thread."""
    async with running(broken_text()) as bot:
        assert (await bot.say(f"/{command}")).text == MENDED
        await still_there(bot)


@pytest.mark.parametrize(
    ("said", "shown"), [("spoil me", MENDED), ("block me", MENDED), ("b\x00c", "b\ufffdc")]
)
async def test_a_filter_and_claude_may_say_it_too(said: str, shown: str) -> None:
    """The answer, or the reason why there is none, is mended."""
    async with running(broken_text()) as bot:
        bot.claude.script.next(said)
        assert (await bot.say("Hello")).text == shown
        await still_there(bot)


async def test_claude_is_given_it_mended() -> None:
    """As a question that a command puts, and as what a tool returns."""
    async with running(broken_text()) as bot:
        bot.claude.script.next(Reply(tool_calls=(ToolCall("broken__tool", {}),)), "Fine.")
        assert (await bot.say("/ask")).text == "Fine."
        first, second = bot.claude.requests[-2:]
        assert MENDED in str(first.body)
        assert str(second.body).count(MENDED) == 2
        await still_there(bot)
