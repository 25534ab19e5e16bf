"""pytest fixtures that give the simulated services to this project's tests and to plugin authors.

Installed as a pytest plugin, so it is loaded in every suite of everybody who installs the package:
importing it loads nothing but pytest, and no fixture is used unless it is asked for.
"""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

try:
    import pytest_asyncio

    _async_fixture: Callable[..., Any] = pytest_asyncio.fixture
except ImportError:  # async fixtures then need another plugin, such as anyio's
    _async_fixture = pytest.fixture

if TYPE_CHECKING:
    from sandbox.claude import ClaudeProcess, SimulatedClaude
    from sandbox.discord import DiscordProcess, SimulatedDiscord
    from sandbox.slack import SimulatedSlack, SlackProcess

SIMULATED_API_KEY = "sk-ant-simulated"
"""A key that the simulated Claude accepts, as it does any that does not say `invalid`."""


@_async_fixture
async def simulated_claude() -> "AsyncIterator[SimulatedClaude]":
    """A simulated Claude API on loopback, answering at once; `base_url` is its address."""
    from sandbox.claude import SimulatedClaude

    async with SimulatedClaude() as claude:
        yield claude


@_async_fixture
async def simulated_claude_process() -> "AsyncIterator[ClaudeProcess]":
    """The same in a process of its own, which survives what a test kills."""
    from sandbox.claude import ClaudeProcess

    async with ClaudeProcess() as claude:
        yield claude


@_async_fixture
async def simulated_discord() -> "AsyncIterator[SimulatedDiscord]":
    """A simulated Discord on loopback, without rate limits; `api_url` is its address."""
    from sandbox.discord import SimulatedDiscord

    async with SimulatedDiscord() as discord:
        yield discord


@_async_fixture
async def simulated_discord_process() -> "AsyncIterator[DiscordProcess]":
    """The same in a process of its own, which survives what a test kills."""
    from sandbox.discord import DiscordProcess

    async with DiscordProcess() as discord:
        yield discord


@pytest.fixture
def simulated_claude_environment(
    simulated_claude: "SimulatedClaude", monkeypatch: pytest.MonkeyPatch
) -> "SimulatedClaude":
    """`simulated_claude`, with the environment pointing the SDK and the bot at it."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", SIMULATED_API_KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulated_claude.base_url)
    return simulated_claude


@_async_fixture
async def simulated_slack() -> "AsyncIterator[SimulatedSlack]":
    """A simulated Slack on loopback, without rate limits; `api_url` is its address."""
    from sandbox.slack import SimulatedSlack

    async with SimulatedSlack() as slack:
        yield slack


@_async_fixture
async def simulated_slack_process() -> "AsyncIterator[SlackProcess]":
    """The same in a process of its own, which survives what a test kills."""
    from sandbox.slack import SlackProcess

    async with SlackProcess() as slack:
        yield slack
