"""The processes of the bot that the sandbox keeps, and those that somebody else ended."""

import os
import signal
import sys
from pathlib import Path

import pytest

from bot.vocabulary import SystemClock
from sandbox.page.bots import BotCommand, Bots
from tests.support import wait_until

SERVE = "import sys; print('http://127.0.0.1:1', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("count", [1, 2])
async def test_a_replica_that_somebody_killed_is_none(tmp_path: Path, count: int) -> None:
    """As many run as were asked for, whichever of them had ended before."""
    command = BotCommand(
        arguments=(sys.executable, "-c", SERVE), environ=dict(os.environ), log=tmp_path / "log"
    )
    bots = Bots(command=command, clock=SystemClock())
    await bots.set_replicas(2)
    os.kill(bots.state()["replicas"][0]["pid"], signal.SIGKILL)
    await wait_until(lambda: running(bots) == [False, True], what="its end")
    await bots.set_replicas(count)
    assert running(bots) == [True] * count
    await bots.stop()


def running(bots: Bots) -> list[bool]:
    """Of each replica."""
    return [each["running"] for each in bots.state()["replicas"]]
