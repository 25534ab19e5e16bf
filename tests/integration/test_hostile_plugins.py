"""Plugins that do their worst: the bot goes on answering, and says whose fault it was."""

import asyncio
import sys
import threading
import time

import pytest

from bot.plugins import Context, Plugin
from sandbox.claude import Reply
from sandbox.claude.script import ToolCall
from sandbox.testing import running

hostile = Plugin("hostile", api=1)
seen_enough = threading.Event()


@hostile.command("raise", timeout_s=1.0)
async def raises(_ctx: Context) -> str:
    """Fail."""
    raise RuntimeError("sk-ant-secret: internals")


@hostile.command("exit", timeout_s=1.0)
async def exits(_ctx: Context) -> str:
    """Leave."""
    sys.exit(3)


@hostile.command("exit-thread", timeout_s=1.0)
def exits_in_thread(_ctx: Context) -> str:
    """Leave from a thread."""
    sys.exit(3)


@hostile.command("hang", timeout_s=0.2)
async def hangs(_ctx: Context) -> str:
    """Hang."""
    await asyncio.Event().wait()
    return "never"


@hostile.command("hang-thread", timeout_s=0.2)
def hangs_in_thread(_ctx: Context) -> str:
    """Hang in a thread."""
    time.sleep(3)
    return "too late"


@hostile.command("swallow", timeout_s=0.2)
async def swallows(_ctx: Context) -> str:
    """Ignore cancellations, until everybody has seen enough of it."""
    until = time.monotonic() + 3
    while time.monotonic() < until and not seen_enough.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return "too late"


@hostile.command("leak", timeout_s=1.0)
async def leaks(_ctx: Context) -> str:
    """Leave tasks behind, one of which wants to end the process."""

    async def leave() -> None:
        await asyncio.sleep(0)
        sys.exit(4)

    tasks = [asyncio.create_task(leave()), asyncio.create_task(asyncio.sleep(3600))]
    return f"{len(tasks)} tasks"


@hostile.command("wrong", timeout_s=1.0)
async def wrong(_ctx: Context) -> str:
    """Return what is no text."""
    return 42  # type: ignore[return-value]  # on purpose


@hostile.command("megabytes", timeout_s=5.0)
async def megabytes(_ctx: Context) -> str:
    """Say far too much."""
    return "x" * 300_000


@hostile.command("hundred-megabytes", timeout_s=5.0)
async def hundred_megabytes(_ctx: Context) -> str:
    """Say more than memory likes."""
    return "x" * 100_000_000


@hostile.command("block", timeout_s=30.0)
async def blocks(_ctx: Context) -> str:
    """Block the whole loop."""
    while True:
        pass


@hostile.command("sleep", timeout_s=30.0)
async def sleeps(_ctx: Context) -> str:
    """Block the whole loop, asleep."""
    time.sleep(60)  # noqa: ASYNC251 - that is the point
    return "never"


@hostile.tool()
async def flood(_ctx: Context) -> str:
    """Return megabytes."""
    return "y" * 3_000_000


@hostile.tool(timeout_s=0.2)
async def stuck(_ctx: Context) -> str:
    """Never return."""
    await asyncio.Event().wait()
    return ""


@hostile.tool()
async def broken(_ctx: Context) -> str:
    """Fail."""
    raise ValueError("password=1234")


@pytest.mark.parametrize(
    "command",
    ["raise", "exit", "exit-thread", "hang", "hang-thread", "swallow", "wrong"],
)
async def test_a_command_that_misbehaves_ends_in_a_sentence(command: str) -> None:
    """With a reference, without internals; and the next question is answered."""
    seen_enough.clear()
    async with running(hostile) as bot:
        heard = await bot.say(f"/{command}")
        assert heard.outcome == "failed"
        assert f"`/{command}` did not work" in heard.text
        assert "reference" in heard.text
        assert "secret" not in heard.text
        bot.claude.script.next("Still here.")
        assert (await bot.say("Are you there?")).text == "Still here."
        seen_enough.set()


async def test_tasks_that_are_left_behind_end_nothing() -> None:
    """Not even one from which `SystemExit` comes."""
    async with running(hostile) as bot:
        assert (await bot.say("/leak")).text == "2 tasks"
        bot.claude.script.next("Still here.")
        assert (await bot.say("Are you there?")).text == "Still here."


async def test_what_nobody_would_read_to_its_end_is_cut_off() -> None:
    """And the length is said."""
    async with running(hostile, platform="slack") as bot:
        heard = await bot.say("/hundred-megabytes")
        assert len(heard.text) < 410_000
        assert heard.text.endswith("[cut off here: the text has 100,000,000 characters]")


async def test_megabytes_are_split_and_bounded() -> None:
    """An answer is shown in as many messages as it takes; a tool's result is cut off."""
    async with running(hostile, platform="slack") as bot:
        heard = await bot.say("/megabytes")
        assert len(heard.text.replace("\n", "")) == 300_000
        bot.claude.script.next(Reply(tool_calls=(ToolCall("hostile__flood", {}),)), "Much.")
        assert (await bot.say("flood")).text == "Much."
        (result,) = bot.claude.requests[-1].body["messages"][-1]["content"]
        assert len(result["content"][0]["text"]) < 21_000


@pytest.mark.parametrize(("tool", "told"), [("stuck", "took too long"), ("broken", "tool failed")])
async def test_a_tool_that_misbehaves_is_told_to_claude_without_internals(
    tool: str, told: str
) -> None:
    """As an error, so that the answer can go on."""
    async with running(hostile) as bot:
        bot.claude.script.next(Reply(tool_calls=(ToolCall(f"hostile__{tool}", {}),)), "A pity.")
        assert (await bot.say("use it")).text == "A pity."
        (result,) = bot.claude.requests[-1].body["messages"][-1]["content"]
        assert result["is_error"]
        assert told in result["content"][0]["text"]
        assert "1234" not in result["content"][0]["text"]


@pytest.mark.parametrize("command", ["block", "sleep"])
async def test_a_plugin_that_blocks_the_loop_is_broken_off(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Endless loops and sleeps alike; the log names the plugin and the place."""
    async with running(hostile, config="[plugin_host]\nblock_s = 0.5") as bot:
        assert (await bot.say(f"/{command}")).outcome == "failed"
        bot.claude.script.next("Still here.")
        assert (await bot.say("Are you there?")).text == "Still here."
    log = capsys.readouterr()
    assert "plugin blocks the event loop" in log.out + log.err
    assert "test_hostile_plugins.py" in log.out + log.err


async def test_a_plugin_that_keeps_failing_is_left_alone_and_comes_back() -> None:
    """After some failures it is not called any more; when it has rested it gets another chance."""
    calls: list[int] = []
    plugin = Plugin("flaky", api=1)

    @plugin.command("flaky")
    async def flaky(_ctx: Context) -> str:
        """Fail five times."""
        calls.append(1)
        if len(calls) <= 5:
            raise RuntimeError("not yet")
        return "Well again."

    async with running(plugin) as bot:
        for _ in range(7):
            assert (await bot.say("/flaky")).outcome == "failed"
        assert len(calls) == 5
        bot.clock.move(31)
        assert (await bot.say("/flaky")).text == "Well again."
