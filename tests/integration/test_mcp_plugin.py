"""Tools of MCP servers, in a whole bot: real servers, one as a process of ours and one over HTTP."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.plugins import PluginError
from plugins import mcp
from sandbox.claude import Reply
from sandbox.claude.script import ToolCall
from sandbox.testing import ADMIN, MEMBER, Bot, running
from tests.forking.programs import MCP_SERVER
from tests.support import wait_until
from tests.warm_parley import Running, forked_command, warm_parley

SERVER = str(Path(__file__).parents[1] / "mcp_server.py")
OLD_SERVER = str(Path(__file__).parents[1] / "old_mcp_server.py")
PATIENCE_S = 30.0
BY_ASKING_S = 0.1
"""Whoever asks the bot all the time keeps the servers from starting."""


def local(*arguments: str, **more: Any) -> dict[str, Any]:
    """The settings of a server that is a process of ours, and quickly there."""
    command, *args = forked_command(MCP_SERVER, *arguments)
    return {"servers": {"odd": {"command": command, "args": args, **more}}}


def cold(**more: Any) -> dict[str, Any]:
    """The settings of a server that is a program like any other."""
    return {"servers": {"odd": {"command": sys.executable, "args": [SERVER], **more}}}


async def up(bot: Bot, count: int = 1) -> str:
    """What an admin is told once so many servers are up."""

    async def told() -> str | None:
        text = (await bot.say("/mcp", by=ADMIN)).text
        return text if text.count("| up since") == count else None

    found = await wait_until(
        told, PATIENCE_S, what=f"{count} servers being up", every_s=BY_ASKING_S
    )
    assert found is not None
    return found


async def used(bot: Bot, tool: str, **arguments: Any) -> tuple[str, bool]:
    """What Claude is told when it uses a tool of the server, and whether that is an error."""
    bot.claude.script.next(
        Reply(tool_calls=(ToolCall(f"mcp__odd__{tool}", arguments),)), "There you are."
    )
    assert (await bot.say("use it")).text == "There you are."
    (result,) = bot.claude.requests[-1].body["messages"][-1]["content"]
    return result["content"][0]["text"], result.get("is_error", False)


def offered(bot: Bot) -> list[str]:
    """The tools that Claude was offered last."""
    return [each["name"] for each in bot.claude.requests[-1].body.get("tools", ())]


async def test_claude_uses_the_tools_of_a_server() -> None:
    """They are offered with their schemas and descriptions, and what they return goes back. What the API
    would refuse is left out and named to the admin."""
    async with running(mcp.plugin, local()) as bot:
        told = await up(bot)
        assert await used(bot, "echo", text="hello") == ("You said hello.", False)
        tools = {each["name"]: each for each in bot.claude.requests[0].body["tools"]}
        assert tools["mcp__odd__echo"]["description"] == "Say it back."
        assert tools["mcp__odd__echo"]["input_schema"]["required"] == ["text"]
        assert "mcp__odd__odd" not in tools
        assert "odd (left out: the schema of its arguments is none)" in told
        (strange,) = [name for name in tools if "strange" in name]
        assert await used(bot, strange.removeprefix("mcp__odd__")) == ("strange", False)


async def test_members_are_not_told_about_servers() -> None:
    """`/mcp` is for admins; without servers it says how to add one."""
    async with running(mcp.plugin) as bot:
        assert "Only admins" in (await bot.say("/mcp", by=MEMBER)).text
        assert "No MCP server is configured" in (await bot.say("/mcp", by=ADMIN)).text


async def test_only_the_tools_on_the_list_are_offered() -> None:
    """By name, in which * stands for anything; a role keeps them from everybody else."""
    async with running(mcp.plugin, local(tools=["ec*", "write"], role="admin")) as bot:
        await up(bot)
        bot.claude.script.next("Fine.", "Fine.")
        await bot.say("hello", by=ADMIN)
        assert offered(bot) == ["mcp__odd__echo", "mcp__odd__write"]
        await bot.say("hello", by=MEMBER)
        assert offered(bot) == []


async def test_what_may_change_something_asks_first() -> None:
    """Unless the server says that it only reads, or the operator decides."""
    async with running(mcp.plugin, local()) as bot:
        assert "write (asks first)" in await up(bot)
        call = Reply(tool_calls=(ToolCall("mcp__odd__write", {"text": "x"}),))
        bot.claude.script.next(call, "A pity.")
        message = bot.tell("write x")
        await bot.press("deny")
        assert (await bot.answer_to(message)).text == "A pity."
    async with running(mcp.plugin, local(confirm=["echo"])) as bot:
        told = await up(bot)
        assert "echo (asks first)" in told
        assert "write (asks first)" not in told
        assert await used(bot, "write", text="x") == ("Written: x.", False)


async def test_a_server_finds_its_own_secrets_and_no_others(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`$NAME` is read from the environment. None of it is in the logs, at any level."""
    monkeypatch.setenv("ODD_TOKEN", "odd-secret-1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-ours")
    env = {"A": "$ODD_TOKEN", "B": "plain-secret-2"}
    async with running(mcp.plugin, local(env=env)) as bot:
        await up(bot)
        names = ["A", "B", "ANTHROPIC_API_KEY"]
        text, _ = await used(bot, "secrets", names=names)
        assert text == "A=odd-secret-1, B=plain-secret-2, ANTHROPIC_API_KEY=None"
    logged = "".join(capfd.readouterr())
    assert "secret-1" not in logged
    assert "secret-2" not in logged


async def test_a_variable_that_is_not_set_is_named() -> None:
    """The server is down, and everything else works."""
    async with running(mcp.plugin, local(env={"A": "$NOT_SET_ANYWHERE"})) as bot:

        async def told() -> bool:
            text = (await bot.say("/mcp", by=ADMIN)).text
            return "the environment variable NOT_SET_ANYWHERE is not set" in text

        await wait_until(told, PATIENCE_S, every_s=BY_ASKING_S)


MISBEHAVIOUR: list[tuple[str, dict[str, Any], str]] = [
    ("fail", {}, "the moon is in the wrong place"),
    ("echo", {"wrong": 1}, "text"),
    ("die", {}, "went away, or said more than it may"),
    ("flood", {"megabytes": 6}, "went away, or said more than it may"),
]


@pytest.mark.parametrize(
    ("timeout_s", "misbehaviour"),
    [(10.0, MISBEHAVIOUR), (0.5, [("hang", {}, "took longer than 0.5 s")])],
    ids=["at once", "never"],
)
async def test_a_tool_that_misbehaves_costs_its_answer_alone(
    timeout_s: float, misbehaviour: list[tuple[str, dict[str, Any], str]]
) -> None:
    """Claude is told, the answer goes on, and the server is there again for the next one."""
    async with running(mcp.plugin, local(timeout_s=timeout_s)) as bot:
        await up(bot)
        for tool, arguments, told in misbehaviour:
            text, is_error = await used(bot, tool, **arguments)
            assert is_error, tool
            assert told in text
            if tool in ("die", "flood"):
                bot.claude.script.next("Still here.")
                assert (await bot.say("hello")).text == "Still here."
                bot.clock.move(2)
            await up(bot)
            assert await used(bot, "echo", text="again") == ("You said again.", False), tool


async def test_megabytes_are_cut_off() -> None:
    """Where the settings say."""
    async with running(mcp.plugin, local(max_result_chars=500)) as bot:
        await up(bot)
        text, is_error = await used(bot, "flood", megabytes=2)
        assert not is_error
        assert len(text) < 600
        assert "there are 2,000,000 characters" in text


async def test_a_server_can_change_its_tools() -> None:
    """It says so, and the next answer has them."""
    async with running(mcp.plugin, local()) as bot:
        assert "grown" not in await up(bot)
        assert await used(bot, "grow") == ("grown", False)

        async def there() -> bool:
            return "grown" in (await bot.say("/mcp", by=ADMIN)).text

        await wait_until(there, PATIENCE_S, every_s=BY_ASKING_S)
        assert await used(bot, "grown") == ("grown", False)


async def test_a_server_that_can_t_be_had_costs_its_tools_alone(tmp_path: Path) -> None:
    """It is tried again, ever more seldom, and its tools come back with it."""
    broken = tmp_path / "broken"
    broken.touch()
    servers = {
        "gone": {"command": "/no/such/program"},
        **local(str(broken))["servers"],
    }
    async with running(mcp.plugin, {"servers": servers}) as bot:

        async def both_down() -> bool:
            text = (await bot.say("/mcp", by=ADMIN)).text
            return "its command can't be run" in text and "the connection failed" in text

        await wait_until(both_down, PATIENCE_S, every_s=BY_ASKING_S)
        bot.claude.script.next("I have no tools.")
        assert (await bot.say("hello")).text == "I have no tools."
        assert offered(bot) == []
        broken.unlink()
        for _ in range(8):
            bot.clock.move(130)
            await asyncio.sleep(0)
        await up(bot)
        assert await used(bot, "echo", text="back") == ("You said back.", False)


@asynccontextmanager
async def remote(port: int, folder: Path) -> AsyncIterator[Running]:
    """The server over HTTP, listening."""

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    environ = {"PATH": os.environ["PATH"]}
    async with warm_parley(
        str(port), directory=folder, environ=environ, program=MCP_SERVER
    ) as process:
        await wait_until(listens, PATIENCE_S)
        yield process


async def test_a_server_over_http_may_die_and_come_back(tmp_path: Path) -> None:
    """Its tools work, are gone while it is, and work again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"servers": {"odd": {"url": f"http://127.0.0.1:{port}/mcp", "timeout_s": 5}}}
    async with running(mcp.plugin, settings) as bot:
        async with remote(port, tmp_path) as process:
            bot.clock.move(130)
            assert "| odd | 127.0.0.1 |" in await up(bot)
            assert await used(bot, "echo", text="hello") == ("You said hello.", False)
            text, is_error = await used(bot, "flood", megabytes=6)
            assert is_error, text[:200]
            bot.clock.move(2)
            await up(bot)
            assert await used(bot, "grow") == ("grown", False)
            process.kill()
            await process.end(PATIENCE_S)

        async def down() -> bool:
            return "| down since" in (await bot.say("/mcp", by=ADMIN)).text

        await wait_until(down, PATIENCE_S, every_s=BY_ASKING_S)
        bot.claude.script.next("I have no tools.")
        await bot.say("hello?")
        assert offered(bot) == []
        async with remote(port, tmp_path):
            bot.clock.move(130)
            await up(bot)
            assert await used(bot, "echo", text="back") == ("You said back.", False)


async def test_its_processes_end_with_the_bot() -> None:
    """Even one that hangs, and what it has started."""
    async with running(mcp.plugin, cold(timeout_s=0.5)) as bot:
        await up(bot)
        await used(bot, "hang")
        children = _children()
        assert children
    assert not [pid for pid in children if _lives(pid)]


def _children() -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        fields = entry.read_text().rpartition(")")[2].split()
        if int(fields[1]) == os.getpid() and SERVER in (entry.parent / "cmdline").read_text():
            found.append(int(entry.parent.name))
    return found


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ({}, "give either a command or a url"),
        ({"command": "x", "url": "https://x"}, "give either a command or a url"),
        ({"url": "ftp://x"}, "should match pattern"),
        ({"command": "x", "headers": {"A": "b"}}, "headers go with a url"),
    ],
)
async def test_settings_that_make_no_sense_are_refused(server: dict[str, Any], told: str) -> None:
    """Before anything starts."""
    with pytest.raises(PluginError, match=told):
        async with running(mcp.plugin, {"servers": {"odd": server}}):
            pass


async def test_an_old_server_works_as_well() -> None:
    """One that knows the first handshake alone; its changes are heard, too."""
    server = {"command": sys.executable, "args": [OLD_SERVER], "confirm": []}
    async with running(mcp.plugin, {"servers": {"odd": server}}) as bot:
        await up(bot)
        assert await used(bot, "echo", text="hello") == ("old hello", False)

        async def there() -> bool:
            return "later" in (await bot.say("/mcp", by=ADMIN)).text

        await wait_until(there, PATIENCE_S, every_s=BY_ASKING_S)
        assert await used(bot, "later", text="again") == ("old again", False)


async def test_a_server_that_lists_what_is_no_tool_costs_its_own_tools_alone() -> None:
    """The others' are offered, and the admin is told."""
    servers = {
        "wrong": {"command": sys.executable, "args": [OLD_SERVER, "wrong"]},
        **local()["servers"],
    }
    async with running(mcp.plugin, {"servers": servers}) as bot:
        await up(bot)
        assert await used(bot, "echo", text="hello") == ("You said hello.", False)
        assert "it says what no MCP server may" in (await bot.say("/mcp", by=ADMIN)).text
