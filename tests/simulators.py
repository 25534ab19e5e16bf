"""The simulated services as one program to be forked: `claude`, `slack` or `discord`, then its options.

And the same processes as `sandbox` has them, that are quickly there.
"""

import sys
from collections.abc import Sequence

import sandbox.claude.__main__
import sandbox.discord.__main__
import sandbox.slack.__main__
from sandbox.claude import ClaudeProcess
from sandbox.discord.remote import DiscordProcess
from sandbox.slack import SlackProcess
from tests.forking.programs import SIMULATORS
from tests.warm_parley import forked_command


class WarmClaude(ClaudeProcess):
    """The simulated Claude."""

    def command(self) -> Sequence[str]:
        """As such a process."""
        return forked_command(SIMULATORS, "claude")


class WarmSlack(SlackProcess):
    """The simulated Slack."""

    def command(self) -> Sequence[str]:
        """As such a process."""
        return forked_command(SIMULATORS, "slack")


class WarmDiscord(DiscordProcess):
    """The simulated Discord."""

    def command(self) -> Sequence[str]:
        """As such a process."""
        return forked_command(SIMULATORS, "discord")


def main() -> None:
    """Run one."""
    match sys.argv.pop(1):
        case "claude":
            sandbox.claude.__main__.main()
        case "slack":
            sandbox.slack.__main__.main()
        case "discord":
            sandbox.discord.__main__.main()
